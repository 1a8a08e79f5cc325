"""Wherever an engine can be named it is the one that works, and what it does is the same."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import gpgmail
from gpgmail import Draft, Mailer
from gpgmail.components import PSMTP, Key
from gpgmail.core.codes import ErrorCode, Exit
from gpgmail.core.errors import UnsupportedError, UsageError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from tests.support.commands import call
from tests.support.engines import EACH, needs_pygpgme

BY_GPGME = "by gpgme"


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    monkeypatch.delenv("GPGMAIL_ENGINE", raising=False)


def draft():
    return Draft(from_="sender@example.org", to="alice@example.org", subject="x", text="words\n")


def written(sender_home, engine):
    """A signed and encrypted mail, and what was told meanwhile."""
    told = []
    with Mailer(None, keyring=sender_home, trust="always", engine=engine) as mailer:
        mailer.on(Status, lambda event: told.append(event.message))
        letter = mailer.write(draft(), sign=True, encrypt=True)
    (copy,) = letter.copies
    return b"".join(copy.render()), told


def opened(data, reader_home, engine):
    """What is read of a mail, and what was told meanwhile."""
    told = []
    run = Run(emit=lambda event: told.append(str(event)))
    mail = gpgmail.read(data, keyring=reader_home, engine=engine, run=run)
    return mail.verdict, told


def launchers():
    """The directories that gpgme contexts have."""
    return list(Path(os.environ["XDG_RUNTIME_DIR"]).glob("gpgmail-*/pipe"))


def spoke(told):
    return any(BY_GPGME in message for message in told)


@pytest.mark.parametrize("making", EACH)
@pytest.mark.parametrize("reading", EACH)
def test_what_one_makes_the_other_reads(sender_home, reader_home, making, reading):
    data, told = written(sender_home, making)
    assert spoke(told) is (making == "gpgme")
    verdict, told = opened(data, reader_home, reading)
    assert spoke(told) is (reading == "gpgme")
    assert (verdict.signed, verdict.encrypted) == ("whole", "whole")


@needs_pygpgme
def test_the_environment_names_it_for_all(sender_home, reader_home, monkeypatch):
    monkeypatch.setenv("GPGMAIL_ENGINE", "gpgme")
    data, told = written(sender_home, "auto")
    assert spoke(told)
    assert spoke(opened(data, reader_home, "auto")[1])
    assert not spoke(written(sender_home, "gnupg")[1])


@needs_pygpgme
def test_nothing_is_kept_behind_close(sender_home):
    with Mailer(None, keyring=sender_home, trust="always", engine="gpgme") as mailer:
        mailer.write(draft(), sign=True, encrypt=True)
        mailer.write(draft(), sign=True, encrypt=True)
        assert len(launchers()) == 1
    assert not launchers()


@needs_pygpgme
@pytest.mark.proves("Engine")
def test_a_component_has_the_engine_that_its_setting_names(sender_home):
    with PSMTP(from_="sender@example.org", send_to="alice@example.org") as mailer:
        mailer.keys.append(Key(sender_home, "sender@example.org"))
        mailer.recipient_keys.append(Key(sender_home, "alice@example.org"))
        assert mailer.config("Engine") == "auto"
        heard = []
        mailer.on_status = lambda event: heard.append(event.message)
        for engine in ("gnupg", "gpgme", "gnupg"):
            heard.clear()
            mailer.config(f"Engine={engine}")
            mailer.message_text = "words"
            mailer.sign_and_encrypt()
            assert "BEGIN PGP MESSAGE" in mailer.message_text
            assert len(launchers()) == (engine == "gpgme")
        with pytest.raises(UsageError, match="Engine"):
            mailer.config("Engine=pgp")
        mailer.config("Engine=gpgme")
        mailer.message_text = "words"
        mailer.sign()
    assert not launchers()


@pytest.fixture
def without_pygpgme(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpgme", None)


def test_where_pygpgme_is_missing_the_extra_is_named(without_pygpgme, sender_home, reader_home):
    data, _ = written(sender_home, "gnupg")
    for use in (lambda: written(sender_home, "gpgme"), lambda: opened(data, reader_home, "gpgme")):
        with pytest.raises(UnsupportedError) as caught:
            use()
        assert caught.value.code is ErrorCode.MISSING_EXTRA


def test_the_command_line_takes_the_engine_that_is_named(
    without_pygpgme, sender_home, tmp_path, monkeypatch
):
    mail = tmp_path / "mail"
    send = ("send", "--from", "sender@example.org", "--to", "alice@example.org", "--sign")
    send += ("--keyring", sender_home, "--text", "words", "--output", mail)
    read = ("read", "--keyring", sender_home, mail)
    assert call(*send).code == call(*read).code == 0
    for words in (send, read):
        refused = call(*words, "--engine", "gpgme")
        assert refused.code == Exit.UNAVAILABLE
        assert "gpgmail[gpgme]" in refused.errors
        monkeypatch.setenv("GPGMAIL_ENGINE", "gpgme")
        assert call(*words).code == Exit.UNAVAILABLE
        assert call(*words, "--engine", "gnupg").code == 0
        monkeypatch.setenv("GPGMAIL_ENGINE", "pgp")
        assert call(*words).code == Exit.USAGE
        monkeypatch.delenv("GPGMAIL_ENGINE")
