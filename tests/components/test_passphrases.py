"""Passphrases of a component: asked for by key, at most three times, and never half an answer."""

from __future__ import annotations

import subprocess
import traceback

import pytest

from gpgmail.components import Key
from gpgmail.core.errors import PassphraseError
from tests.components.support import ALICE, Ears, failing, psmtp
from tests.servers.hostile import Hostile
from tests.servers.readers import Gpg
from tests.support.keyrings import fixture_key

LOCKED = fixture_key("protected", "locked")
UMLAUT = fixture_key("protected-utf8", "umlaut")
FIRST = fixture_key("two-protected", "first")
SECOND = fixture_key("two-protected", "second")


@pytest.fixture
def server():
    """A server of which a test can say that nobody came."""
    with Hostile() as server:
        yield server


@pytest.fixture
def locked(home):
    return home("protected")


@pytest.fixture
def mailer(server, locked):
    with psmtp(server) as mailer:
        mailer.keys.append(Key(locked, LOCKED.address))
        yield mailer


class Asked:
    """A handler that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.events = []

    def __call__(self, event):
        self.events.append((event.user_id, event.key_id, event.fingerprint))
        event.passphrase = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def cache_passphrase(home, key):
    """Have the user's own agent know it, as after he used the key himself."""
    command = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase-fd", "0", "--sign", "--output", "-", "/dev/null"]
    subprocess.run(command, input=key.passphrase.encode(), check=True, capture_output=True)


def refuses_and_sends_nothing(mailer, server, method="sign"):
    with failing(122, PassphraseError) as caught:
        getattr(mailer, method)()
    with failing(14):
        mailer.send()
    assert not server.connections
    return caught.value


@pytest.mark.proves("on_key_passphrase")
def test_the_handler_is_told_which_key_and_answers(mailer, locked):
    asked = mailer.on_key_passphrase = Asked(LOCKED.passphrase)
    mailer.sign()
    assert asked.events == [(LOCKED.uids[0].uid, LOCKED.fingerprint[-16:], LOCKED.fingerprint)]
    verdict = Gpg(locked).read(mailer.message_text.encode())
    assert verdict.signer == LOCKED.fingerprint


def test_a_wrong_answer_is_asked_again(mailer):
    asked = mailer.on_key_passphrase = Asked("wrong", "wrong again", LOCKED.passphrase)
    mailer.sign()
    assert len(asked.events) == 3


def test_three_wrong_answers_are_the_end(mailer, server):
    asked = mailer.on_key_passphrase = Asked("wrong")
    errors = Ears(mailer, "error")
    refuses_and_sends_nothing(mailer, server)
    assert len(asked.events) == 3
    assert errors.error[0].error_code == 122


def test_no_answer_is_asked_once(mailer, server):
    asked = mailer.on_key_passphrase = Asked("")
    refuses_and_sends_nothing(mailer, server)
    assert len(asked.events) == 1


def test_without_handler_or_value_there_is_no_prompt(mailer, server):
    error = refuses_and_sends_nothing(mailer, server)
    who = f"{LOCKED.fingerprint} {LOCKED.uids[0].uid}"
    assert f"{who}: no passphrase is given" in str(error)
    assert "gpg-preset-passphrase" in str(error)  # what a job does that nobody can be asked for


@pytest.mark.proves("key_passphrase", "Key.passphrase", "OpenPGP 122")
@pytest.mark.parametrize("cached", [False, True])
def test_the_property_is_used_whatever_the_users_agent_knows(mailer, server, locked, cached):
    if cached:
        cache_passphrase(locked, LOCKED)
    asked = mailer.on_key_passphrase = Asked("")
    mailer.set_key_passphrase(0, LOCKED.passphrase)
    mailer.sign()
    assert not asked.events
    mailer.message_text = "another"
    mailer.set_key_passphrase(0, "wrong")
    refuses_and_sends_nothing(mailer, server)
    assert len(asked.events) == 1


def test_a_wrong_property_is_mended_by_the_handler(mailer):
    mailer.set_key_passphrase(0, "wrong")
    asked = mailer.on_key_passphrase = Asked(LOCKED.passphrase)
    mailer.sign()
    assert len(asked.events) == 1


def test_what_the_users_agent_has_cached_is_enough_without_handler(mailer, locked):
    cache_passphrase(locked, LOCKED)
    mailer.sign()
    assert "BEGIN PGP SIGNED" in mailer.message_text


def test_a_passphrase_of_letters_outside_ascii(server, home):
    with psmtp(server) as mailer:
        mailer.keys.append(Key(home("protected-utf8"), passphrase=UMLAUT.passphrase))
        mailer.sign()
    assert "BEGIN PGP SIGNED" in mailer.message_text


@pytest.mark.parametrize("how", ["properties", "handler"])
def test_several_signers_each_get_their_own(server, home, how):
    place = home("two-protected")
    with psmtp(server) as mailer:
        for key in (FIRST, SECOND):
            mailer.keys.append(Key(place, fingerprint=key.fingerprint))
        asked = {}

        def answer(event):
            asked[event.fingerprint] = asked.get(event.fingerprint, 0) + 1
            event.passphrase = {k.fingerprint: k.passphrase for k in (FIRST, SECOND)}[
                event.fingerprint
            ]

        if how == "handler":
            mailer.on_key_passphrase = answer
        else:
            mailer.set_key_passphrase(0, FIRST.passphrase)
            mailer.set_key_passphrase(1, SECOND.passphrase)
        mailer.sign()
    verdict = Gpg(place).read(mailer.message_text.encode())
    assert verdict.signature == "good good"
    wanted = {FIRST.fingerprint: 1, SECOND.fingerprint: 1} if how == "handler" else {}
    assert asked == wanted


def test_one_wrong_passphrase_of_two_leaves_no_signature_at_all(server, home):
    place = home("two-protected")
    with psmtp(server) as mailer:
        mailer.keys.append(Key(place, fingerprint=FIRST.fingerprint, passphrase="first secret"))
        mailer.keys.append(Key(place, fingerprint=SECOND.fingerprint, passphrase="wrong"))
        refuses_and_sends_nothing(mailer, server)
        assert "PGP" not in mailer.message_text


@pytest.mark.proves("key_passphrase", "sign_and_encrypt", "OpenPGP 122")
def test_sign_and_encrypt_with_a_wrong_passphrase(mailer, server, recipients):
    mailer.recipient_keys.append(Key(recipients, ALICE.address))
    mailer.set_key_passphrase(0, "wrong")
    error = refuses_and_sends_nothing(mailer, server, "sign_and_encrypt")
    assert f"{LOCKED.uids[0].uid}: the passphrase is wrong" in str(error)
    assert "PGP" not in mailer.message_text


@pytest.mark.proves("on_key_passphrase")
def test_the_exception_of_a_handler_reaches_the_caller(mailer, server):
    def handler(event):
        raise LookupError("the vault is closed")

    mailer.on_key_passphrase = handler
    with pytest.raises(LookupError, match="the vault is closed"):
        mailer.sign()
    with failing(14):
        mailer.send()
    assert not server.connections
    mailer.on_key_passphrase = Asked(LOCKED.passphrase)
    mailer.message_text = "anew"
    mailer.sign()


def test_no_passphrase_shows_anywhere(mailer, server, capfd, caplog):
    secret, other = "c0rrect h0rse", "batt3ry staple"
    caplog.set_level(0)
    mailer.log_level = 3
    ears = Ears(mailer, "status", "error", "pi_trail")
    mailer.set_key_passphrase(0, secret)
    mailer.on_key_passphrase = Asked(other)
    error = refuses_and_sends_nothing(mailer, server)
    shown = [repr(mailer), repr(mailer.keys), repr(mailer.keys[0]), str(error), repr(ears.heard)]
    shown += traceback.format_exception(error)
    shown += [*capfd.readouterr(), caplog.text]
    assert ears.status
    for text in shown:
        assert secret not in text
        assert other not in text
