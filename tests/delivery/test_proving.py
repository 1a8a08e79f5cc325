"""A passphrase that was given is tried itself, whatever is cached, and before much is read."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gpgmail.core.errors import PassphraseError
from gpgmail.core.events import Status
from gpgmail.delivery.mailer import Mailer
from gpgmail.gpg.proving import LARGE
from gpgmail.message.content import Attachment
from gpgmail.protect.read import read
from tests.delivery.helpers import draft
from tests.servers.readers import encrypted_part
from tests.servers.unpacked import ServerUnavailableError, program, skip_or_fail
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy

if TYPE_CHECKING:
    from pathlib import Path

LOCKED = fixture_key("protected", "locked")
FIRST, SECOND = (fixture_key("two-protected", name) for name in ("first", "second"))
SENDER = fixture_key("modern", "sender")
ON_CARD = b"(20:shadowed-private-key(3:rsa(1:n1:x)(1:e1:y)(8:shadowed5:t1-v1())))"


@pytest.fixture(scope="module")
def two():
    with keyring_copy("two-protected") as path:
        yield path


@pytest.fixture
def large(tmp_path):
    """A file that takes gpg longer than a proof; of zeros, which take no place."""
    path = tmp_path / "large"
    path.touch()
    os.truncate(path, LARGE)
    return path


class Writer(Mailer):
    """A mailer that keeps what it was told."""

    def __init__(self, home, **more):
        super().__init__(None, keyring=home, **more)
        self.told = []
        self.on(Status, lambda event: self.told.append(event.message))

    def mail(self, key, *files, **wish):
        attachments = tuple(Attachment(source=path) for path in files)
        made = draft(key.address, sender=key.address, attachments=attachments)
        return self.write(made, **{"sign": True, "encrypt": True, **wish})

    @property
    def trials(self):
        return sum(text.startswith("trying the passphrase") for text in self.told)

    @property
    def workers(self):
        """The processes that were started to sign or encrypt."""
        return sum(" --encrypt" in text or " --detach-sign" in text for text in self.told)


@pytest.mark.parametrize("source", ["wrong", lambda _: "wrong", {FIRST.fingerprint: "wrong"}])
@pytest.mark.parametrize("wish", [{}, {"encrypt": False}])
def test_a_wrong_passphrase_is_told_before_a_large_mail_is_read(two, large, source, wish):
    with Writer(two, passphrase=source) as writer:
        with pytest.raises(PassphraseError, match="the passphrase is wrong") as caught:
            writer.mail(FIRST, large, **wish)
        assert caught.value.subject == f"{FIRST.fingerprint} {FIRST.uids[0].uid}"
        assert writer.workers == 0
        # A handler that can be asked again is, up to its last answer.
        assert writer.trials == (3 if callable(source) else 1)


def test_inline_the_short_text_comes_first_and_tells(two, large):
    with Writer(two, passphrase="wrong") as writer, pytest.raises(PassphraseError):
        writer.mail(FIRST, large, format="inline")
    assert writer.workers == 1


def test_one_of_two_signers_is_enough(two, large):
    values = {FIRST.fingerprint: FIRST.passphrase, SECOND.fingerprint: "wrong"}
    with (
        Writer(two, passphrase=values) as writer,
        pytest.raises(PassphraseError, match=SECOND.fingerprint),
    ):
        writer.mail(FIRST, large, sign=[FIRST.fingerprint, SECOND.fingerprint])
    assert writer.workers == 0


def test_a_missing_one_is_told_before_too(two, large):
    with (
        Writer(two, passphrase={SECOND.fingerprint: "x"}) as writer,
        pytest.raises(PassphraseError, match="no passphrase is given"),
    ):
        writer.mail(FIRST, large)
    assert writer.workers == 0


def test_what_was_proved_is_not_proved_again(two, large):
    asked = []

    def ask(event):
        asked.append(event.was_wrong)
        return FIRST.passphrase if len(asked) == 2 else "wrong"

    for source, questions in ((FIRST.passphrase, []), (ask, [False, True])):
        with Writer(two, passphrase=source) as writer:
            for _ in range(2):
                assert writer.mail(FIRST, large).plan.signers
            assert writer.workers == 2
            assert writer.trials == max(1, len(questions))
            assert asked == questions


def test_a_small_mail_and_an_open_key_cost_nothing_more(two, large):
    with Writer(two, passphrase=FIRST.passphrase) as writer:
        writer.mail(FIRST)
        assert writer.trials == 0
    with keyring_copy("modern") as home, Writer(home, passphrase="not needed") as writer:
        writer.mail(SENDER, large)
        assert writer.trials == 0


@dataclass(frozen=True)
class Shared:
    """A home whose own agent has to be used, and the gpg for it."""

    home: Path
    gpg: Path | str = "gpg"

    def run(self, *arguments, **more):
        command = [self.gpg, "--homedir", self.home, "--batch", "--trust-model=always", *arguments]
        return subprocess.run(command, check=True, capture_output=True, **more).stdout

    def cache(self, *arguments):
        """Have the agent learn the passphrase of the key that a command needs, and nothing else."""
        gpgconf = shutil.which("gpgconf") if self.gpg == "gpg" else self.gpg.with_name("gpgconf")
        subprocess.run([gpgconf, "--homedir", self.home, "--kill", "gpg-agent"], check=True)
        answer = ("--pinentry-mode", "loopback", "--passphrase-fd", "0", "--output", "-")
        self.run(*answer, *arguments, input=f"{LOCKED.passphrase}\n".encode())
        self.run("--pinentry-mode", "error", "--output", "-", *arguments)


@pytest.fixture
def beside_a_card():
    """A home with one key in a file and another on a card: its own agent has to be used."""
    with keyring_copy("protected") as home:
        (home / "private-keys-v1.d" / f"{'A' * 40}.key").write_bytes(ON_CARD)
        yield Shared(home)


@pytest.fixture
def with_keyboxd(monkeypatch):
    """A home of gpg 2.4 whose public keys keyboxd has."""
    try:
        gpg = program("gnupg24/bin/gpg")
    except ServerUnavailableError as absent:
        skip_or_fail(absent)
    monkeypatch.setenv("GPGMAIL_GPG", str(gpg))
    with empty_home() as home:
        (home / "common.conf").write_text("use-keyboxd\n")
        (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # measured again otherwise
        keys = KEYRINGS / "exports-protected" / "secret.gpg"
        subprocess.run([gpg, "--homedir", home, "--batch", "--import", keys], check=True)
        yield Shared(home, gpg)
        subprocess.run([gpg.with_name("gpgconf"), "--homedir", home, "--kill", "all"], check=True)


@pytest.fixture(params=["card", pytest.param("keyboxd", marks=pytest.mark.servers)])
def shared(request):
    """A home whose own agent has to be used, and has the right passphrase in its cache."""
    name = {"card": "beside_a_card", "keyboxd": "with_keyboxd"}[request.param]
    return request.getfixturevalue(name)


@pytest.mark.parametrize("wish", [{}, {"encrypt": False}])
def test_the_right_one_in_a_cache_signs_nothing_for_a_wrong_one(shared, wish):
    shared.cache("--sign", "-u", LOCKED.fingerprint, os.devnull)
    with (
        Writer(shared.home, passphrase="wrong", trust="always") as writer,
        pytest.raises(PassphraseError, match="the passphrase is wrong"),
    ):
        writer.mail(LOCKED, **wish)
    with Writer(shared.home, passphrase=LOCKED.passphrase, trust="always") as writer:
        assert all(writer.mail(LOCKED, **wish).plan.signers for _ in range(2))
        assert writer.trials == 1
    with Writer(shared.home, trust="always") as writer:
        assert writer.mail(LOCKED, **wish).plan.signers  # where nobody else knows the agent answers


def test_the_right_one_in_a_cache_opens_nothing_for_a_wrong_one(shared, tmp_path):
    with Writer(shared.home, passphrase=LOCKED.passphrase, trust="always") as writer:
        mail = b"".join(writer.mail(LOCKED).copies[0].render())
    (tmp_path / "mail").write_bytes(encrypted_part(mail))
    shared.cache("--decrypt", str(tmp_path / "mail"))
    assert read(mail, keyring=shared.home).verdict.by_author
    with pytest.raises(PassphraseError, match="the passphrase is wrong"):
        read(mail, keyring=shared.home, passphrase="wrong")
    assert read(mail, keyring=shared.home, passphrase=LOCKED.passphrase).verdict.by_author


def test_a_handler_is_not_asked_where_the_users_agent_knows(shared):
    shared.cache("--sign", "-u", LOCKED.fingerprint, os.devnull)
    asked = []
    with Writer(shared.home, passphrase=asked.append, trust="always") as writer:
        assert writer.mail(LOCKED).plan.signers
    assert asked == []


def test_an_agent_that_does_not_run_is_started_for_the_proof(beside_a_card):
    kill = ["gpgconf", "--homedir", beside_a_card.home, "--kill", "gpg-agent"]
    for passphrase, good in (("wrong", False), (LOCKED.passphrase, True)):
        subprocess.run(kill, check=True)
        with Writer(beside_a_card.home, passphrase=passphrase) as writer:
            if good:
                assert writer.mail(LOCKED).plan.signers
            else:
                with pytest.raises(PassphraseError, match="wrong"):
                    writer.mail(LOCKED)
