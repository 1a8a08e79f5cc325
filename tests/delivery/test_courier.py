"""What the server does with several copies, told honestly: no silent loss and no duplicate."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import Cancelled, ConnectError, DeliveryError, MessageError, ServerError
from gpgmail.core.events import PITrail, StartTransfer
from gpgmail.delivery.mailer import Mailer
from gpgmail.message.content import Attachment
from gpgmail.testing.script import (
    Action,
    Drop,
    HangUpError,
    Honest,
    Offer,
    Phase,
    Reply,
    Reset,
)
from gpgmail.transport.client import Client
from tests.delivery.helpers import ALICE, BOB, CAROL, draft, url
from tests.servers.hostile import Hostile

NO_USER = Reply(b"550 5.1.1 No such user\r\n")
LATER = Reply(b"451 4.3.0 Try later\r\n")
GOODBYE = Reply(b"421 4.3.2 Shutting down\r\n", close=True)
NO_MAIL = Reply(b"554 5.7.1 Not wanted\r\n")


@pytest.fixture
def served(sender):
    """Sends through a server that follows a script; gives the mailer and the server."""
    opened = []

    def start(script):
        server = Hostile(script)
        mailer = Mailer(url(server), keyring=sender.home, trust="always")
        opened.extend((mailer, server))
        return mailer, server

    yield start
    for one in opened:
        one.close()


def three_copies():
    return draft(ALICE, bcc=(BOB, CAROL))


def all_named(server):
    """Every RCPT that was said, in order."""
    commands = [line for one in server.settled() for line in one.commands]
    return [line.split(b"<")[1].split(b">")[0].decode() for line in commands if b"RCPT" in line]


def taken(server):
    return sum(len(one.contents) for one in server.settled())


def test_one_of_two_recipients_refused_is_in_the_receipt(served):
    mailer, server = served({Phase.RCPT: (Honest(), NO_USER)})
    receipt = mailer.send(draft((ALICE, BOB)))
    assert receipt.accepted == (ALICE,)
    assert {address: str(reply) for address, reply in receipt.refused.items()} == {
        BOB: "550 5.1.1 No such user"
    }
    mailer.close()
    assert taken(server) == 1


def test_every_recipient_refused_is_an_error_with_the_words_for_each(served):
    mailer, server = served({Phase.RCPT: (NO_USER, LATER)})
    with pytest.raises(ServerError) as caught:
        mailer.send(draft((ALICE, BOB)))
    assert {address: reply.code for address, reply in caught.value.refused.items()} == {
        ALICE: 550,
        BOB: 451,
    }
    assert caught.value.accepted == ()
    mailer.close()
    assert taken(server) == 0


def test_every_copy_refused_is_one_error_with_all_the_words(served):
    mailer, _ = served({Phase.RCPT: (NO_USER, LATER, NO_USER)})
    with pytest.raises(ServerError) as caught:
        mailer.send(three_copies(), encrypt=True)
    assert {address: reply.code for address, reply in caught.value.refused.items()} == {
        ALICE: 550,
        BOB: 451,
        CAROL: 550,
    }


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
def test_one_copy_refused_does_not_keep_the_others(phase, served):
    mailer, server = served({phase: (Honest(), NO_MAIL, Honest())})
    receipt = mailer.send(three_copies(), encrypt=True)
    assert receipt.accepted == (ALICE, CAROL)
    assert {address: reply.code for address, reply in receipt.refused.items()} == {BOB: 554}
    assert len(receipt.replies) == 2
    mailer.close()
    assert all_named(server) == [ALICE, BOB, CAROL]


@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
def test_a_server_that_says_goodbye_between_copies_leaves_nobody_out(phase, served):
    mailer, server = served({phase: (Honest(), GOODBYE)})
    receipt = mailer.send(three_copies(), encrypt=True)
    assert receipt.accepted == (ALICE,)
    assert {address: reply.code for address, reply in receipt.refused.items()} == {
        BOB: 421,
        CAROL: 421,
    }
    assert len(server.settled()) == 1


@pytest.mark.parametrize("action", [Drop(), Reset()])
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.DOT])
def test_a_connection_lost_in_the_second_copy_names_who_has_the_mail(phase, action, served):
    mailer, server = served({phase: (Honest(), action)})
    with pytest.raises(DeliveryError) as caught:
        mailer.send(three_copies(), encrypt=True)
    error = caught.value
    assert error.accepted == (ALICE,)
    assert error.retry is Retry.UNKNOWN
    assert any(ALICE in note for note in error.__notes__)
    assert len(server.settled()) == 1
    assert CAROL not in all_named(server)


def test_a_connection_lost_in_the_first_copy_says_that_nobody_has_it(served):
    mailer, server = served({Phase.MAIL: Drop()})
    with pytest.raises(ConnectError) as caught:
        mailer.send(three_copies(), encrypt=True)
    assert caught.value.accepted == ()
    assert not hasattr(caught.value, "__notes__")
    assert caught.value.retry is not Retry.UNKNOWN
    assert len(server.settled()) == 1


def test_an_interrupt_in_the_second_copy_is_accounted_for_too(served):
    mailer, server = served({})
    copies = []

    def count(event):
        copies.append(event)
        if len(copies) == 2:
            mailer.interrupt()

    mailer.on(StartTransfer, count)
    with pytest.raises(Cancelled) as caught:
        mailer.send(three_copies(), encrypt=True)
    assert caught.value.retry is Retry.UNKNOWN
    assert ALICE in caught.value.__notes__[0]
    assert taken(server) == 1


def test_a_handler_that_raises_in_the_second_copy_is_told_who_has_the_mail(served):
    mailer, _ = served({})

    def stop(event):
        if event.message.startswith(f"RCPT TO:<{BOB}"):
            raise ZeroDivisionError

    mailer.on(PITrail, stop)
    with pytest.raises(ZeroDivisionError) as caught:
        mailer.send(three_copies(), encrypt=True)
    assert ALICE in caught.value.__notes__[0]


def test_a_source_that_fails_while_it_is_sent_delivers_nothing(served, tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"x" * 2_000_000)
    mailer, server = served({})
    mailer.on(StartTransfer, lambda _: file.write_bytes(b"x"))
    with pytest.raises(MessageError, match="changed"):
        mailer.send(draft(attachments=(Attachment(source=file),)))
    assert taken(server) == 0


# --------------------------------------------------------------------------- the warm connection


def test_several_mails_go_over_one_connection(served):
    mailer, server = served({})
    for _ in range(3):
        mailer.send(draft(), sign=True)
    mailer.close()
    (connection,) = server.settled()
    assert len(connection.contents) == 3
    assert connection.verbs.count("EHLO") == 1
    assert connection.verbs[-1] == "QUIT"


def test_a_refused_mail_leaves_the_connection_to_the_next(served):
    mailer, server = served({Phase.RCPT: (NO_USER, Honest())})
    with pytest.raises(ServerError):
        mailer.send(draft())
    mailer.send(draft())
    mailer.close()
    (connection,) = server.settled()
    assert len(connection.contents) == 1


@dataclass(frozen=True, slots=True)
class Leave(Action):
    """The honest answer, some last words, and the end of the connection."""

    words: bytes = b""
    reset: bool = False

    def act(self, talk):
        talk.honest(behind=self.words)
        if self.reset:
            talk.reset_on_close()
        raise HangUpError


@pytest.mark.parametrize("end", [Leave(), Leave(b"421 4.4.2 Idle\r\n"), Leave(reset=True)])
def test_a_connection_that_ended_in_the_pause_is_made_anew(end, served):
    mailer, server = served([{Phase.DOT: end}, {}])
    mailer.send(draft())
    server.settled()
    mailer.send(draft())
    mailer.send(draft())
    mailer.close()
    assert [len(one.contents) for one in server.settled()] == [1, 2]


def test_a_connection_is_made_anew_once_and_no_more(served):
    mailer, server = served([{Phase.DOT: Leave()}, {Phase.MAIL: Drop()}, {}])
    mailer.send(draft())
    server.settled()
    with pytest.raises(ConnectError):
        mailer.send(draft())
    assert len(server.settled()) == 2


@pytest.mark.parametrize("end", [Drop(), Reset(), GOODBYE])
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.DATA])
def test_one_that_ends_under_the_first_words_is_renewed_once(phase, end, served):
    """Nothing looked ended before, and nothing of the mail was taken from its source."""
    mailer, server = served([{phase: (Honest(), end)}, {}])
    mailer.send(draft())
    assert mailer.send(draft()).accepted == (ALICE,)
    mailer.close()
    assert [len(one.contents) for one in server.settled()] == [1, 1]


@pytest.mark.parametrize("answer", [Drop(), GOODBYE])
def test_and_no_second_time(answer, served):
    ending = {Phase.MAIL: answer}
    mailer, server = served([{Phase.MAIL: (Honest(), answer)}, ending, {}])
    mailer.send(draft())
    with pytest.raises(DeliveryError) as caught:
        mailer.send(draft())
    assert caught.value.retry is Retry.LATER
    assert len(server.settled()) == 2


@pytest.mark.parametrize("answer", [NO_MAIL, LATER, Reply(b"garbage\r\n")])
def test_what_is_no_goodbye_is_not_tried_again(answer, served):
    mailer, server = served([{Phase.MAIL: (Honest(), answer)}, {}])
    mailer.send(draft())
    with pytest.raises(DeliveryError):
        mailer.send(draft())
    mailer.close()
    assert len(server.settled()) == 1


@pytest.mark.parametrize("idle", [0, 100])
def test_what_went_out_with_the_first_words_is_not_sent_again(idle, served, monkeypatch):
    """After a long pause it does not go out with them."""
    offers = Offer((b"PIPELINING", b"CHUNKING"))
    mailer, server = served([{Phase.MAIL: (Honest(), Drop()), Phase.EHLO: offers}, {}])
    mailer.send(draft())
    monkeypatch.setattr(Client, "idle", idle)
    if idle:
        mailer.send(draft())
        assert len(server.connections) == 2
    else:
        with pytest.raises(ConnectError) as caught:
            mailer.send(draft())
        assert caught.value.retry is Retry.UNKNOWN
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    "script",
    [
        {Phase.BODY: Drop(after=50_000)},
        {Phase.DOT: (Honest(), Drop())},
    ],
)
def test_a_mail_whose_content_went_out_is_not_sent_again(script, served):
    mailer, server = served([script, {}])
    if Phase.BODY not in script:
        mailer.send(draft())
    with pytest.raises(DeliveryError):
        mailer.send(draft(attachments=(Attachment(source=b"x" * 100_000),)))
    assert len(server.settled()) == 1
    mailer.send(draft())
    mailer.close()
    assert len(server.settled()) == 2
