"""Mails wait on the disk where no server takes them, or a recipient has no key; never in clear."""

from __future__ import annotations

import stat
from contextlib import ExitStack

import pytest

from gpgmail.core.codes import Exit
from gpgmail.testing.script import Drop, Phase, Reply
from tests.crypto.helpers import Gpg
from tests.servers.hostile import Hostile
from tests.servers.readers import encrypted_part
from tests.support.keyrings import fixture_key, keyring_copy
from tests.support.sendmail import Sendmail, queue

__all__ = ["queue"]

ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("alice", "bob", "carol"))
MAIL = (
    b"From: sender@example.org\nTo: alice@example.org\nSubject: x\nMIME-Version: 1.0\n"
    b"Content-Type: text/plain; charset=utf-8\n\nthe password is sesame\n"
)
ENTITY = MAIL.partition(b"MIME-Version: 1.0\n")[2].replace(b"\n", b"\r\n")
DOWN = {Phase.BANNER: Reply(b"421 4.3.2 Not now\r\n", close=True)}


@pytest.fixture(scope="module")
def homes():
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(keyring_copy(name)) for name in ("modern", "recipients-home")
        }


@pytest.fixture
def sendmail(tmp_path, homes, queue):
    rows = {
        "keyring": str(homes["modern"]),
        "from": "sender@example.org",
        "encrypt": "require",
        "queue": "queue",
    }
    return Sendmail(tmp_path, rows)


def url(server):
    return f"smtp://127.0.0.1:{server.port}"


def files(queue):
    return sorted(path.suffix for path in queue.iterdir())


def contents(queue):
    return b"".join(path.read_bytes() for path in queue.iterdir())


@pytest.mark.parametrize(
    "script",
    [
        DOWN,
        {Phase.BANNER: Drop()},
        {Phase.MAIL: Reply(b"451 4.3.0 Not now\r\n")},
        {Phase.RCPT: Reply(b"450 4.2.1 Not now\r\n")},
        {Phase.DOT: Reply(b"452 4.3.1 Not now\r\n")},
        {Phase.DOT: Drop()},
        {Phase.AUTH: Reply(b"535 5.7.8 No\r\n")},
    ],
)
def test_what_no_server_takes_waits_encrypted_and_goes_out_later(sendmail, queue, script, homes):
    rows = {"user": "u", "password": "open sesame seed"} if Phase.AUTH in script else {}
    with Hostile(script) as server:
        outcome = sendmail(MAIL, ALICE, server=url(server), **rows)
    assert outcome.code == 0
    assert "status=queued" in outcome.errors
    (path,) = queue.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"sesame" not in path.read_bytes()
    with Hostile() as server:
        assert sendmail(b"", "-q", server=url(server)).code == 0
        (mail,) = server.mails
    assert mail.recipients == (ALICE,)
    plain = Gpg(homes["recipients-home"])("--decrypt", stdin=encrypted_part(mail.data))
    assert plain == ENTITY
    assert files(queue) == []


def test_without_a_queue_the_caller_keeps_it(sendmail, queue):
    with Hostile(DOWN) as server:
        assert sendmail(MAIL, ALICE, server=url(server), queue="").code == Exit.TRY_AGAIN
    assert files(queue) == []


def test_what_a_server_refuses_for_good_does_not_wait(sendmail, queue):
    with Hostile({Phase.DOT: Reply(b"554 5.7.1 Spam\r\n")}) as server:
        assert sendmail(MAIL, ALICE, server=url(server)).code == Exit.UNAVAILABLE
    assert files(queue) == []


def test_who_has_it_does_not_wait_for_it(sendmail, queue):
    later = (Reply(b"250 Ok\r\n"), Reply(b"450 4.2.1 Not now\r\n"))
    mail = MAIL.replace(b"To: alice@example.org", b"To: alice@example.org, bob@example.org")
    with Hostile({Phase.RCPT: later}) as server:
        assert sendmail(mail, "-t", server=url(server)).code == 0
        assert len(server.mails) == 1
    with Hostile() as server:
        assert sendmail(b"", "-q", server=url(server)).code == 0
        assert [one.recipients for one in server.mails] == [(BOB,)]


def test_asked_to_wait_it_needs_no_server(sendmail, queue):
    assert sendmail(MAIL, "-odq", ALICE, server="").code == 0
    assert files(queue) == [".queued"]


def test_a_queue_that_is_not_there_is_no_success(sendmail, queue):
    with Hostile(DOWN) as server:
        outcome = sendmail(MAIL, ALICE, server=url(server), queue="elsewhere")
    assert outcome.code not in {0, Exit.TRY_AGAIN}
    assert "elsewhere" in outcome.errors


def test_the_queue_is_listed_without_what_is_in_it(sendmail, queue):
    assert sendmail(b"", "-bp", server="").text == "Mail queue is empty\n"
    sendmail(MAIL, "-odq", ALICE, server="")
    for outcome in (sendmail(b"", "-bp", server=""), sendmail(b"", called="mailq", server="")):
        assert outcome.code == 0
        assert f"<sender@example.org> {ALICE}\n" in outcome.text
        assert "queued" in outcome.text


def test_a_queue_that_still_cannot_go_out_says_so(sendmail, queue):
    with Hostile(DOWN) as server:
        sendmail(MAIL, ALICE, server=url(server))
        outcome = sendmail(b"", "-q", server=url(server))
    assert outcome.code == Exit.TRY_AGAIN
    assert files(queue) == [".queued"]


# --------------------------------------------------------------------------------------------- held


HOLD = {"on_unencryptable": "hold", "sign": True}


def test_a_held_mail_is_readable_with_the_hold_key_alone(sendmail, queue, homes):
    with Hostile() as server:
        outcome = sendmail(MAIL, ALICE, CAROL, server=url(server), **HOLD)
        assert outcome.code == 0
        assert f"to=<{CAROL}>, status=held" in outcome.errors
        assert [one.recipients for one in server.mails] == [(ALICE,)]
    assert files(queue) == [".held"]
    (path,) = queue.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stored = path.read_bytes()
    assert b"sesame" not in stored
    armor = stored[stored.index(b"-----BEGIN") :].partition(b"-----END PGP MESSAGE-----")
    message = armor[0] + armor[1] + b"\n"
    gpg = Gpg(homes["modern"])
    sender = fixture_key("modern", "sender")
    part = next(one for one in sender.parts if "e" in one.capabilities)
    assert gpg.recipients(message) == (part.fingerprint[-16:],)
    assert gpg("--decrypt", stdin=message) == ENTITY


def test_a_held_mail_stays_until_there_is_a_key_and_then_goes_out_whole(sendmail, queue, homes):
    with Hostile() as server:
        sendmail(MAIL, CAROL, server=url(server), **HOLD)
        outcome = sendmail(b"", "-q", "-v", server=url(server), **HOLD)
        assert outcome.code == Exit.TRY_AGAIN
        assert "status=waits" in outcome.errors
        # What cron hears of at each run it would mail, which may wait too.
        outcome = sendmail(b"", "-q", server=url(server), **HOLD)
        assert (outcome.code, outcome.errors) == (Exit.TRY_AGAIN, "")
        assert files(queue) == [".held"]
        assert server.mails == ()
        # What gave carol no key was that nobody vouched for it.
        assert sendmail(b"", "-q", server=url(server), trust="always", **HOLD).code == 0
        (mail,) = server.mails
    assert files(queue) == []
    assert mail.recipients == (CAROL,)
    plain = Gpg(homes["recipients-home"])("--decrypt", stdin=encrypted_part(mail.data))
    assert plain == ENTITY
    assert b"Subject: x\r\n" in mail.data


def test_a_released_mail_is_never_sent_in_clear(sendmail, queue):
    with Hostile() as server:
        sendmail(MAIL, CAROL, server=url(server), **HOLD)
        rows = {**HOLD, "encrypt": "never", "trust": "always"}
        assert sendmail(b"", "-q", server=url(server), **rows).code == 0
        (mail,) = server.mails
    assert b"sesame" not in mail.data
    assert b"multipart/encrypted" in mail.data


def test_a_mail_that_fails_is_not_held_either(sendmail, queue):
    with Hostile({Phase.MAIL: Reply(b"550 5.7.1 No\r\n")}) as server:
        outcome = sendmail(MAIL, ALICE, CAROL, server=url(server), **HOLD)
    assert outcome.code == Exit.UNAVAILABLE
    assert files(queue) == []


def test_a_hold_key_that_is_none_sends_nothing(sendmail, queue):
    with Hostile() as server:
        rows = {**HOLD, "hold_key": "nobody@example.net"}
        outcome = sendmail(MAIL, ALICE, CAROL, server=url(server), **rows)
        assert outcome.code == Exit.NO_USER
        assert f"mail to {CAROL} is held with this key (hold_key)" in outcome.errors
        assert server.mails == ()
    assert files(queue) == []


def test_a_damaged_held_mail_stays(sendmail, queue):
    with Hostile() as server:
        sendmail(MAIL, CAROL, server=url(server), **HOLD)
        (path,) = queue.iterdir()
        path.write_bytes(path.read_bytes().replace(b"Subject: x", b"Subject: y"))
        rows = {**HOLD, "trust": "always"}
        outcome = sendmail(b"", "-q", server=url(server), **rows)
        assert outcome.code == Exit.TRY_AGAIN
        assert "SHA-256" in outcome.errors
        assert server.mails == ()
    assert files(queue) == [".held"]


# -------------------------------------------------------------------------------- before it matters


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"queue": "nowhere"}, "queue: "),
        ({"queue": "", "on_unencryptable": "hold"}, "hold needs a queue"),
        ({"aliases": "config.toml"}, "aliases: "),
    ],
)
def test_the_check_of_an_account_finds_it(sendmail, rows, words):
    from gpgmail.delivery.accounts import open_account
    from gpgmail.delivery.checking import check

    fine = check(open_account(config=sendmail.configured()))
    assert fine == ()
    (complaint,) = check(open_account(config=sendmail.configured(**rows)))
    assert words in complaint


def test_the_check_finds_that_one_recipient_needs_a_queue(sendmail):
    from gpgmail.delivery.accounts import open_account
    from gpgmail.delivery.checking import check

    sendmail.policy = {CAROL: {"on_unencryptable": "hold"}}
    assert check(open_account(config=sendmail.configured())) == ()
    (complaint,) = check(open_account(config=sendmail.configured(queue="")))
    assert "hold needs a queue" in complaint
