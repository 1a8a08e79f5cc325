"""Recipients: one list behind send_to, cc, b_cc and the collection."""

from __future__ import annotations

import pytest

from gpgmail.components import SMTP, Header, MessageRecipient
from gpgmail.core.errors import UsageError
from gpgmail.testing.script import Phase, Reply
from tests.components.support import ALICE, BOB, CAROL, failing, parsed, smtp
from tests.servers.hostile import Hostile

LISTED = (
    '"Doe, Alice" <alice@example.org>, (a comment) bob@example.org, team: carol@example.org;',
    [("Doe, Alice", "alice@example.org"), ("", "bob@example.org"), ("", "carol@example.org")],
)


def seen(mailer):
    return [(one.name, one.address) for one in mailer.message_recipients]


@pytest.mark.proves("send_to", "cc", "b_cc")
def test_the_three_lists_reach_the_envelope_and_bcc_no_header(sink):
    smtp(sink, send_to=ALICE.address, cc=f"Bob <{BOB.address}>", b_cc=CAROL.address).send()
    (mail,) = sink.received
    assert mail.recipients == (ALICE.address, BOB.address, CAROL.address)
    assert parsed(mail)["To"] == ALICE.address
    assert parsed(mail)["Cc"] == f"Bob <{BOB.address}>"
    assert CAROL.address.encode() not in mail.data


@pytest.mark.proves("message_recipients", "message_recipient_count")
def test_a_list_set_as_text_is_read_as_a_collection():
    mailer = SMTP(send_to=LISTED[0])
    assert seen(mailer) == LISTED[1]
    assert mailer.message_recipient_count == mailer.get_message_recipient_count() == 3
    assert mailer.send_to == LISTED[0]


@pytest.mark.proves(
    "message_recipient_address",
    "message_recipient_name",
    "message_recipient_type",
    "message_recipient_count",
    "message_recipients",
    "MessageRecipient.address",
    "MessageRecipient.name",
    "MessageRecipient.recipient_type",
)
def test_a_collection_filled_by_index_is_whom_the_mail_goes_to(sink):
    mailer = smtp(sink, send_to="")
    mailer.set_message_recipient_count(3)
    for index, (kind, person) in enumerate(((2, CAROL), (0, ALICE), (1, BOB))):
        mailer.set_message_recipient_address(index, person.address)
        mailer.set_message_recipient_name(index, f"Person {index}")
        mailer.set_message_recipient_type(index, kind)
        assert mailer.get_message_recipient_address(index) == person.address
        assert mailer.get_message_recipient_name(index) == f"Person {index}"
        assert mailer.get_message_recipient_type(index) == kind
    mailer.send()
    (mail,) = sink.received
    assert mail.recipients == (ALICE.address, BOB.address, CAROL.address)
    assert (parsed(mail)["To"], parsed(mail)["Cc"]) == (
        f"Person 1 <{ALICE.address}>",
        f"Person 2 <{BOB.address}>",
    )
    assert CAROL.address.encode() not in mail.data
    mailer.message_recipient_count = 2
    assert [one.recipient_type for one in mailer.message_recipients] == [2, 0]


@pytest.mark.proves("message_recipient_options", "MessageRecipient.options")
def test_options_of_a_recipient_go_behind_his_rcpt():
    with Hostile({Phase.EHLO: Reply(b"250-dsn.example\r\n250 DSN\r\n")}) as server:
        mailer = smtp(server)
        mailer.set_message_recipient_options(0, "NOTIFY SUCCESS,FAILURE,DELAY")
        assert mailer.get_message_recipient_options(0) == "NOTIFY SUCCESS,FAILURE,DELAY"
        mailer.message_recipients.append(MessageRecipient(BOB.address, 1, options="NOTIFY=NEVER"))
        mailer.send()
        (connection,) = server.settled()
    assert [line for line in connection.commands if line.startswith(b"RCPT")] == [
        f"RCPT TO:<{ALICE.address}> NOTIFY=SUCCESS,FAILURE,DELAY".encode(),
        f"RCPT TO:<{BOB.address}> NOTIFY=NEVER".encode(),
    ]


def test_the_constructors_of_a_recipient():
    assert (MessageRecipient().address, MessageRecipient().recipient_type) == ("", 0)
    assert MessageRecipient(ALICE.address).address == ALICE.address
    assert MessageRecipient(ALICE.address, 2).recipient_type == 2
    with pytest.raises(UsageError, match="from 0 to 2"):
        MessageRecipient(ALICE.address, 3)


def test_setting_a_list_again_replaces_whom_it_had_named_and_nobody_else(sink):
    mailer = smtp(sink, send_to=ALICE.address)
    mailer.message_recipients.append(MessageRecipient(CAROL.address))
    mailer.send_to = BOB.address
    assert [one.address for one in mailer.message_recipients] == [CAROL.address, BOB.address]
    assert mailer.send_to == f"{CAROL.address}, {BOB.address}"
    mailer.send()
    assert sink.received[0].recipients == (CAROL.address, BOB.address)


def test_an_address_with_its_name_is_one_recipient(sink):
    mailer = smtp(sink, send_to="")
    mailer.message_recipients.append(MessageRecipient(f"Zoë <{ALICE.address}>"))
    mailer.send()
    assert sink.received[0].recipients == (ALICE.address,)
    assert parsed(sink.received[0])["To"] == f"Zoë <{ALICE.address}>"


@pytest.mark.parametrize("address", ["", "  ", "nobody", f"{ALICE.address}, {BOB.address}"])
def test_a_recipient_without_one_address_is_refused_and_nothing_is_sent(sink, address):
    mailer = smtp(sink)
    mailer.message_recipients.append(MessageRecipient(address))
    with failing(16, UsageError):
        mailer.send()
    assert not sink.received


@pytest.mark.parametrize("name", ["send_to", "cc", "b_cc"])
def test_a_list_that_is_none_is_refused_as_it_is_set(name):
    mailer = SMTP(**{name: ALICE.address})
    with failing(16, UsageError):
        setattr(mailer, name, "alice at example.org")
    assert getattr(mailer, name) == ALICE.address
    assert [one.address for one in mailer.message_recipients] == [ALICE.address]


@pytest.mark.proves("reset_headers")
def test_resetting_the_headers_takes_every_recipient_out(sink):
    mailer = smtp(sink, cc=BOB.address, b_cc=CAROL.address, reply_to=BOB.address)
    mailer.message_recipients.append(MessageRecipient(BOB.address))
    mailer.reset_headers()
    assert mailer.message_recipient_count == 0
    assert (mailer.send_to, mailer.cc, mailer.b_cc, mailer.subject, mailer.reply_to) == ("",) * 5
    assert mailer.message_text
    with failing(164, UsageError):
        mailer.send()


def test_a_header_is_made_of_its_name_and_value():
    header = Header("X-Test", "value")
    assert (header.field, header.value) == ("X-Test", "value")
    assert (Header().field, Header().value) == ("", "")


def test_a_name_beside_a_name_is_one_name(sink):
    mailer = smtp(sink)
    mailer.message_recipients.append(MessageRecipient(f"Bob <{BOB.address}>", 1, name="Robert"))
    assert mailer.cc == f"Robert <{BOB.address}>"
    mailer.send()
    assert parsed(sink.received[0])["Cc"] == mailer.cc
    mailer.message_recipients.clear()
    mailer.send_to, mailer.cc = ALICE.address, f"Robert <{BOB.address}>"
    assert mailer.message_recipient_count == 2


@pytest.mark.proves("MailOptions")
def test_options_of_the_mail_go_behind_mail():
    with Hostile({Phase.EHLO: Reply(b"250-dsn.example\r\n250 DSN\r\n")}) as server:
        mailer = smtp(server)
        mailer.config("MailOptions=RET=HDRS ENVID=QQ314159")
        mailer.send()
        (connection,) = server.settled()
    assert connection.commands[1].endswith(b" RET=HDRS ENVID=QQ314159")
