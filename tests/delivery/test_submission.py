"""Mails that programs hand over: protected by policy with their exact bytes, or not sent at all."""

from __future__ import annotations

import email
import email.policy
import re
from contextlib import ExitStack

import pytest

import gpgmail
from gpgmail.core.codes import Exit
from gpgmail.testing.script import Offer, Phase, Reply
from tests.crypto.helpers import Gpg
from tests.servers.hostile import Hostile
from tests.servers.readers import content_of, encrypted_part, two_parts
from tests.support.keyrings import fixture_key, keyring_copy
from tests.support.sendmail import Sendmail, queue

__all__ = ["queue"]

ALICE, BOB, CAROL, EXPIRED = (
    f"{name}@example.org" for name in ("alice", "bob", "carol", "expired")
)
HEADER = (
    b"From: Cron Daemon <sender@example.org>\nTo: alice@example.org\n"
    b"Subject:  Cron <root@box> df\nX-Cron-Env: <SHELL=/bin/sh>\nMIME-Version: 1.0\n"
)
TYPED = b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
BODY = b"Gr\xc3\xbc\xc3\x9fe, 10%\r20%\rdone  \nFrom here\n.\n\n"
CRON = HEADER + TYPED + b"\n" + BODY
ENTITY = (TYPED + b"\n" + BODY).replace(b"\n", b"\r\n")


@pytest.fixture(scope="module")
def homes():
    with ExitStack() as stack:
        names = ("modern", "expired", "recipients-home")
        yield {name: stack.enter_context(keyring_copy(name)) for name in names}


@pytest.fixture(scope="module")
def alice(homes):
    """gpg with the recipients' secret keys."""
    return Gpg(homes["recipients-home"])


@pytest.fixture
def server():
    with Hostile() as server:
        yield server


@pytest.fixture
def sendmail(tmp_path, homes, server):
    rows = {
        "server": f"smtp://127.0.0.1:{server.port}",
        "keyring": [str(homes["modern"]), str(homes["expired"])],
        "from": "sender@example.org",
        "domain": "example.org",
    }
    return Sendmail(tmp_path, rows)


def whom(server):
    return [mail.recipients for mail in server.mails]


# ------------------------------------------------------------------------------------- unprotected


def test_without_a_policy_a_mail_goes_out_with_its_bytes(sendmail, server):
    mail = HEADER + TYPED + b"\n.Gr\xc3\xbc\xc3\x9fe \nFrom x\n..\n"
    assert sendmail(mail, "-i", ALICE).code == 0
    (arrived,) = server.mails
    came, _, body = arrived.data.partition(b"\r\n\r\n")
    added = came.removeprefix((HEADER + TYPED).replace(b"\n", b"\r\n")).split(b"\r\n")
    assert [line.partition(b":")[0] for line in added] == [b"Date", b"Message-ID"]
    assert body == b".Gr\xc3\xbc\xc3\x9fe \r\nFrom x\r\n..\r\n"
    assert (arrived.sender, arrived.recipients) == ("sender@example.org", (ALICE,))


def test_a_complete_mail_gets_nothing_added_and_nothing_moved(sendmail, server):
    mail = b"Date: x\r\nContent-Type: text/plain\r\nMessage-ID: <a@b>\r\nFrom: a@b\r\n\r\nx\r\n"
    assert sendmail(mail, ALICE).code == 0
    assert server.mails[0].data == mail


def test_a_carriage_return_alone_does_not_stop_a_mail(sendmail, server):
    assert sendmail(HEADER + b"\n10%\r20%\rdone\n", ALICE).code == 0
    message = email.message_from_bytes(server.mails[0].data, policy=email.policy.default)
    assert message.get_content().encode() == b"10%\r20%\rdone\r\n"


def test_a_server_without_8bitmime_gets_it_encoded(tmp_path, sendmail):
    with Hostile({Phase.EHLO: Offer((b"SIZE 100000",))}) as old:
        rows = {"server": f"smtp://127.0.0.1:{old.port}"}
        assert sendmail(HEADER + TYPED + b"\nGr\xc3\xbc\xc3\x9fe\n", ALICE, **rows).code == 0
        (arrived,) = old.mails
    assert arrived.data.isascii()
    message = email.message_from_bytes(arrived.data, policy=email.policy.default)
    assert message.get_content().strip() == "Grüße"


def test_a_server_without_dsn_gets_it_without(sendmail, server):
    assert sendmail(CRON, "-N", "success", "-R", "hdrs", "-V", "id", ALICE).code == 0
    (connection,) = server.settled()
    assert not any(b"NOTIFY" in line or b"RET" in line for line in connection.commands)
    assert len(server.mails) == 1


def test_a_server_with_dsn_is_told(sendmail):
    with Hostile(offers=(b"DSN",)) as server:
        rows = {"server": f"smtp://127.0.0.1:{server.port}"}
        assert sendmail(CRON, "-N", "success", "-R", "hdrs", "-V", "id+", ALICE, **rows).code == 0
        (connection,) = server.settled()
    lines = b"\n".join(connection.commands)
    assert b"RET=HDRS" in lines
    assert b"ENVID=id+2B" in lines
    assert b"NOTIFY=SUCCESS" in lines


# --------------------------------------------------------------------------------------- encrypted


def test_the_encrypted_entity_is_what_came(sendmail, server, alice):
    assert sendmail(CRON, "-i", ALICE, encrypt="require").code == 0
    (arrived,) = server.mails
    assert alice("--decrypt", stdin=encrypted_part(arrived.data)) == ENTITY
    head = arrived.data.partition(b"\r\n\r\n")[0]
    assert head.startswith(HEADER.replace(b"\n", b"\r\n"))
    assert b"text/plain" not in head
    assert head.count(b"Content-Type") == head.count(b"MIME-Version") == 1


def test_signed_and_encrypted_is_read_as_both(sendmail, server, homes):
    assert sendmail(CRON, "-i", ALICE, encrypt="require", sign=True).code == 0
    found = gpgmail.read(server.mails[0].data, keyring=homes["recipients-home"])
    assert found.verdict.outcome == "good"
    assert found.verdict.encrypted == "whole"
    assert "Grüße" in found.parts[0].text


def test_a_signed_mail_survives_seven_bits(sendmail, server, tmp_path):
    assert sendmail(CRON, "-i", ALICE, sign=True).code == 0
    (arrived,) = server.mails
    assert arrived.data.isascii()
    exact, signature = two_parts(arrived.data, "multipart/signed")
    with keyring_copy("modern") as home:
        assert "GOODSIG" in Gpg(home).verify(exact, content_of(signature), tmp_path)
    text = email.message_from_bytes(exact, policy=email.policy.default).get_content()
    assert text.encode().replace(b"\r\n", b"\n") == BODY.replace(b"\r\n", b"\n")


def test_a_signed_mail_that_is_safe_has_its_exact_bytes(sendmail, server):
    mail = HEADER + b"Content-Type:  text/plain\n\nsafe\nwords\n"
    assert sendmail(mail, ALICE, sign=True).code == 0
    exact, _ = two_parts(server.mails[0].data, "multipart/signed")
    assert exact == b"Content-Type:  text/plain\r\n\r\nsafe\r\nwords\r\n"


def test_text_without_a_type_says_what_it_is_once_it_is_encrypted(sendmail, server, alice):
    assert sendmail(b"Subject: x\n\nGr\xc3\xbc\xc3\x9fe\n", ALICE, encrypt="require").code == 0
    plain = alice("--decrypt", stdin=encrypted_part(server.mails[0].data))
    assert email.message_from_bytes(plain, policy=email.policy.default).get_content() == "Grüße\r\n"


def test_a_large_mail_is_encrypted_as_it_came(sendmail, server, alice):
    body = b"".join(b"line %07d\n" % number for number in range(200_000))
    assert sendmail(HEADER + b"\n" + body, ALICE, encrypt="require").code == 0
    plain = alice("--decrypt", stdin=encrypted_part(server.mails[0].data))
    assert plain.partition(b"\r\n\r\n")[2] == body.replace(b"\n", b"\r\n")


def test_content_to_be_encrypted_is_in_no_file(sendmail, server, monkeypatch):
    import tempfile

    def refuse(*_, **__):
        raise AssertionError("a working file")

    body = b"x" * 70 + b"\n"
    sendmail(HEADER + b"\n" + body, ALICE, encrypt="require")  # so that all is loaded
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert sendmail(HEADER + b"\n" + body * 2000, ALICE, encrypt="require").code == 0
    assert len(server.mails) == 2


def test_inline_where_the_account_says_so(sendmail, server, alice):
    mail = HEADER + TYPED + b"\nGr\xc3\xbc\xc3\x9fe\n"
    assert sendmail(mail, ALICE, encrypt="require", format="inline").code == 0
    body = server.mails[0].data.partition(b"\r\n\r\n")[2]
    assert body.startswith(b"-----BEGIN PGP MESSAGE-----")
    assert alice("--decrypt", stdin=body).decode().strip() == "Grüße"


def test_who_stands_in_no_header_gets_a_copy_of_his_own(sendmail, server, alice):
    mail = CRON.replace(
        b"To: alice@example.org\n", b"To: alice@example.org\nBcc: bob@example.org\n"
    )
    assert sendmail(mail, "-i", "-t", encrypt="require").code == 0
    assert sorted(whom(server)) == [(ALICE,), (BOB,)]
    for arrived in server.mails:
        assert BOB.encode() not in arrived.data
        assert len(alice.recipients(encrypted_part(arrived.data))) == 1


def test_aliases_lead_to_whom_it_is_encrypted_to(sendmail, server, alice, tmp_path):
    (tmp_path / "aliases").write_text("root: admins\nadmins: alice@example.org, bob@example.org\n")
    mail = CRON.replace(b"To: alice@example.org", b"To: root")
    assert sendmail(mail, "root", encrypt="require", aliases="aliases").code == 0
    (arrived,) = server.mails
    assert set(arrived.recipients) == {ALICE, BOB}
    assert b"To: root@example.org\r\n" in arrived.data
    assert len(alice.recipients(encrypted_part(arrived.data))) == 2


def test_an_alias_to_nowhere_is_no_failure(sendmail, server, tmp_path):
    (tmp_path / "aliases").write_text("root: /dev/null\n")
    outcome = sendmail(CRON, "root", aliases="aliases", encrypt="require")
    assert outcome.code == 0
    assert "send it to nobody" in outcome.errors
    assert server.mails == ()


# ----------------------------------------------------------------------------- protected already


def armor(homes, text=b"secret\n"):
    gpg = Gpg(homes["modern"])
    key = fixture_key("modern", "alice").fingerprint
    return gpg("--armor", "--trust-model", "always", "-r", key, "-e", stdin=text)


def sealed(armored):
    return (
        b"From: sender@example.org\nDate: x\nMessage-ID: <a@b>\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/encrypted; boundary="b"; protocol="application/pgp-encrypted"\n\n'
        b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--b\n"
        b"Content-Type: application/octet-stream\n\n" + armored + b"--b--\n"
    )


def test_what_is_encrypted_already_passes_untouched(sendmail, server, homes):
    mail = sealed(armor(homes))
    assert sendmail(mail, "-i", EXPIRED, encrypt="require", sign=True).code == 0
    assert server.mails[0].data == mail.replace(b"\n", b"\r\n")


def test_what_only_says_so_is_encrypted(sendmail, server, alice):
    mail = sealed(b"the password is sesame\n")
    assert sendmail(mail, "-i", ALICE, encrypt="require").code == 0
    (arrived,) = server.mails
    assert b"sesame" not in arrived.data
    assert b"sesame" in alice("--decrypt", stdin=encrypted_part(arrived.data))


def test_what_is_signed_is_not_signed_again_and_encrypted_whole(sendmail, server, alice, homes):
    assert sendmail(CRON, "-i", ALICE, sign=True).code == 0
    signed = server.mails[0].data
    assert sendmail(signed, "-i", ALICE, sign=True).code == 0
    assert server.mails[1].data == signed
    assert sendmail(signed, "-i", ALICE, sign=True, encrypt="require").code == 0
    plain = alice("--decrypt", stdin=encrypted_part(server.mails[2].data))
    assert plain.partition(b"\r\n\r\n")[2] == signed.partition(b"\r\n\r\n")[2]
    assert (
        gpgmail.read(server.mails[2].data, keyring=homes["recipients-home"]).verdict.outcome
        == "good"
    )


# ----------------------------------------------------------------------- who cannot be encrypted to


@pytest.mark.parametrize("whose", [EXPIRED, CAROL, "nobody@example.org"])
def test_without_a_key_nothing_is_sent_to_anybody(sendmail, server, whose):
    outcome = sendmail(CRON, "-i", ALICE, whose, encrypt="require")
    assert outcome.code == Exit.NO_USER
    first, second = outcome.errors.splitlines()
    assert first.startswith("gpgmail-sendmail: ")
    assert whose in first
    assert second.startswith("gpgmail-sendmail: ")
    assert server.connections == []


def test_preferred_encryption_gives_way_and_says_so(sendmail, server):
    outcome = sendmail(CRON, "-i", ALICE, EXPIRED, encrypt="prefer")
    assert outcome.code == 0
    assert "not encrypted" in outcome.errors
    assert b"done" in server.mails[0].data


def test_a_notice_says_what_is_to_be_done_and_nothing_of_the_mail(sendmail, server, homes):
    mail = CRON.replace(b"df", b"df secret-subject")
    rows = {"encrypt": "require", "on_unencryptable": "notice", "sign": True}
    outcome = sendmail(mail, "-i", ALICE, EXPIRED, **rows)
    assert outcome.code == 0
    assert "status=notice" in outcome.errors
    assert whom(server) == [(ALICE,), (EXPIRED,)]
    notice = server.mails[1].data
    found = gpgmail.read(notice, keyring=homes["recipients-home"])
    assert found.verdict.outcome == "good"
    text = found.parts[0].text
    for word in (EXPIRED, "expired", fixture_key("expired", "expired").fingerprint, "Host:"):
        assert word in text
    original = re.search(rb"^Message-ID: (<.*>)\r$", server.mails[0].data, re.MULTILINE)[1]
    assert original.decode() in text
    assert b"Auto-Submitted: auto-generated\r\n" in notice
    for word in (b"secret-subject", b"Cron <root", b"done", b"alice"):
        assert word not in notice
        assert word.decode() not in text


def test_dropped_is_who_has_no_key_and_the_others_have_it(sendmail, server):
    rows = {"encrypt": "require", "on_unencryptable": "drop"}
    outcome = sendmail(CRON, "-i", ALICE, EXPIRED, **rows)
    assert outcome.code == 0
    assert f"to=<{EXPIRED}>, status=dropped" in outcome.errors
    assert whom(server) == [(ALICE,)]


def test_a_mail_that_would_be_dropped_for_all_fails(sendmail, server):
    rows = {"encrypt": "require", "on_unencryptable": "drop"}
    assert sendmail(CRON, "-i", EXPIRED, **rows).code == Exit.NO_USER
    assert server.mails == ()


def test_each_recipient_may_have_a_word_of_his_own(sendmail, server, queue):
    sendmail.policy = {
        CAROL: {"on_unencryptable": "hold"},
        "nobody@example.org": {"on_unencryptable": "drop"},
        "*": {"on_unencryptable": "notice"},
    }
    whose = (ALICE, EXPIRED, CAROL, "nobody@example.org")
    outcome = sendmail(CRON, "-i", *whose, encrypt="require", queue="queue", hold_key=BOB)
    assert outcome.code == 0
    assert whom(server) == [(ALICE,), (EXPIRED,)]
    for address, status in zip(whose[1:], ("notice", "held", "dropped"), strict=True):
        assert f"to=<{address}>, status={status}" in outcome.errors
    assert [path.suffix for path in queue.iterdir()] == [".held"]
    assert b"done" not in server.mails[1].data


def test_one_who_lets_the_mail_fail_does_so_for_all(sendmail, server):
    sendmail.policy = {CAROL: {"on_unencryptable": "fail"}}
    rows = {"encrypt": "require", "on_unencryptable": "notice"}
    outcome = sendmail(CRON, "-i", ALICE, EXPIRED, CAROL, **rows)
    assert outcome.code == Exit.NO_USER
    first, _ = outcome.errors.splitlines()
    assert CAROL in first
    assert EXPIRED not in first
    assert server.connections == []


def test_a_notice_that_cannot_be_sent_takes_back_nothing_that_is_held(sendmail, queue):
    sendmail.policy = {CAROL: {"on_unencryptable": "hold"}}
    rows = {"encrypt": "require", "on_unencryptable": "notice", "queue": "queue", "hold_key": BOB}
    with Hostile({Phase.MAIL: Reply(b"550 5.7.1 No\r\n")}) as server:
        rows["server"] = f"smtp://127.0.0.1:{server.port}"
        outcome = sendmail(CRON, "-i", EXPIRED, CAROL, **rows)
    assert outcome.code == Exit.UNAVAILABLE
    assert f"to=<{CAROL}>, status=held" in outcome.errors
    assert [path.suffix for path in queue.iterdir()] == [".held"]


def test_hold_needs_a_queue(sendmail, server):
    rows = {"encrypt": "require", "on_unencryptable": "hold"}
    outcome = sendmail(CRON, "-i", ALICE, EXPIRED, **rows)
    assert outcome.code == Exit.CONFIG
    assert server.mails == ()


# --------------------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ({Phase.BANNER: Reply(b"421 4.3.2 Not now\r\n", close=True)}, Exit.TRY_AGAIN),
        ({Phase.MAIL: Reply(b"451 4.3.0 Not now\r\n")}, Exit.TRY_AGAIN),
        ({Phase.RCPT: Reply(b"550 5.1.1 Nobody\r\n")}, Exit.UNAVAILABLE),
        ({Phase.DOT: Reply(b"554 5.7.1 Spam\r\n")}, Exit.UNAVAILABLE),
        ({Phase.RCPT: (Reply(b"550 5.1.1 Nobody\r\n"), Reply(b"250 Ok\r\n"))}, Exit.UNAVAILABLE),
    ],
)
def test_codes_say_whether_to_try_again(sendmail, script, code):
    with Hostile(script) as server:
        rows = {"server": f"smtp://127.0.0.1:{server.port}"}
        outcome = sendmail(CRON, "-i", ALICE, BOB, **rows)
    assert outcome.code == code
    assert outcome.errors.startswith("gpgmail-sendmail: ")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "server: there is none"),
        ("[account.other]\nserver = 'smtp://127.0.0.1'\n", "accounts it, other: none of them is"),
    ],
    ids=["no server", "no account chosen"],
)
@pytest.mark.parametrize("words", [("alice@example.org",), ("-q",)], ids=["mail", "queue"])
def test_a_configuration_that_names_no_server_is_at_fault(sendmail, queue, words, more, said):
    configured = sendmail.configured
    sendmail.configured = lambda **rows: _more(configured(**rows), more)
    outcome = sendmail(CRON, *words, server="", queue=queue)
    assert outcome.code == Exit.CONFIG
    assert said in outcome.errors


def _more(path, text):
    path.write_text(path.read_text() + text)
    return path
