"""What gpg.conf adds: read completely, only where there is one, and held against what gpg does."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from gpgmail.core.errors import EngineError
from gpgmail.gpg.binary import find
from gpgmail.gpg.config import Additions, additions, options_file
from gpgmail.gpg.home import Home
from tests.support.keyrings import fixture_key, keyring_copy

EVERYTHING = """\
# written by hand
  encrypt-to alice@example.org
encrypt-to\t bob@example.org
encrypt-to "Alice (test) <alice@example.org>"
hidden-encrypt-to carol@example.org
encrypt-to-default-key
local-user sender@example.org
default-key sender@example.org
default-recipient bob@example.org
default-recipient-self
throw-keyids
group team = alice@example.org bob@example.org
group all=alice@example.org,carol@example.org
group all = bob@example.org
group Zoë = a%b
"""


@pytest.fixture
def modern():
    with keyring_copy("modern") as home:
        yield home


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Count the starts of gpgconf: a gpg and a gpgconf that write a log, side by side in PATH."""
    log = tmp_path / "log"
    log.touch()
    for name in ("gpg", "gpgconf"):
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\necho {name} >> {log}\nexec {shutil.which(name)} "$@"\n')
        script.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return lambda: log.read_text().split().count("gpgconf")


def configure(home, text):
    (home / "gpg.conf").write_text(text)
    return additions(Home(directory=home))


def test_everything(modern):
    assert configure(modern, EVERYTHING) == Additions(
        encrypt_to=("alice@example.org", "bob@example.org", "Alice (test) <alice@example.org>"),
        hidden_encrypt_to=("carol@example.org",),
        encrypt_to_default_key=True,
        local_user=("sender@example.org",),
        default_key=("sender@example.org",),
        throw_keyids=True,
        groups={
            "team": ("alice@example.org", "bob@example.org"),
            "all": ("alice@example.org", "carol@example.org", "bob@example.org"),
            "Zoë": ("a%b",),
        },
    )


def test_group_members(modern):
    found = configure(modern, EVERYTHING)
    assert found.members("team") == ("alice@example.org", "bob@example.org")
    assert found.members("alice@example.org") == ("alice@example.org",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("group team = alice\nungroup team\n", set()),
        ("ungroup team\ngroup team = alice\n", {"team"}),
        ("group team=alice\ngroup all = bob\nungroup team\n", {"all"}),
        ("group team = alice\ngroup all = bob\nno-groups\ngroup new = carol\n", {"new"}),
        ("group team =\n", set()),
    ],
)
def test_a_group_that_was_taken_back_or_has_no_members_is_none(modern, text, names):
    found = configure(modern, text)
    assert set(found.groups) == names
    for name in {"team", "all", "new"} - names:
        assert found.members(name) == (name,)


def test_later_line_takes_a_switch_back(modern):
    assert not configure(modern, "throw-keyids\nno-throw-keyids\n").throw_keyids


def test_comments_and_other_options_add_nothing(modern):
    text = "# encrypt-to alice@example.org\n\ncharset utf-8\n#throw-keyids\n"
    assert configure(modern, text) == Additions()


def test_nothing_is_asked_without_a_file(modern, calls):
    assert additions(Home(directory=modern)) == Additions()
    assert calls() == 0


def test_asked_once_until_the_file_changes(modern, calls):
    for _ in range(3):
        assert configure_once(modern, "throw-keyids\n").throw_keyids
    assert calls() == 1
    assert not configure(modern, "# no-throw-keyids\n").throw_keyids
    assert calls() == 2


def configure_once(home, text):
    if not (home / "gpg.conf").exists():
        (home / "gpg.conf").write_text(text)
    return additions(Home(directory=home))


def test_prepared_home_has_only_the_options_file_it_was_given(modern):
    configure(modern, "throw-keyids\n")
    own = modern / "gpg.conf"
    assert additions(Home(directory=modern, prepared=True)) == Additions()
    given = Home(directory=modern / "elsewhere", prepared=True, options_file=own)
    assert additions(given).throw_keyids


def test_file_for_this_version_comes_first(modern):
    exact = modern / f"gpg.conf-{find().shown_version}"
    exact.write_text("encrypt-to bob@example.org\n")
    assert configure(modern, "encrypt-to alice@example.org\n").encrypt_to == ("bob@example.org",)
    assert options_file(modern) == exact


@pytest.mark.proves("OpenPGP 111")
def test_gpgconf_that_fails_is_an_error(modern, tmp_path, monkeypatch):
    for name, script in (("gpg", f'exec {shutil.which("gpg")} "$@"'), ("gpgconf", "exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(EngineError, match="gpgconf"):
        configure(modern, "throw-keyids\n")


def recipients_of(home, *options):
    """The key ids at the head of what gpg encrypts for carol under the home's configuration."""
    gpg = ["gpg", "--homedir", home, "--batch"]
    carol = fixture_key("modern", "carol").fingerprint
    sealed = subprocess.run(
        [*gpg, "--trust-model", "always", *options, "--encrypt", "--recipient", carol],
        input=b"text",
        capture_output=True,
        check=True,
    ).stdout
    shown = subprocess.run(
        [*gpg, "--list-only", "--list-packets"], input=sealed, capture_output=True, check=False
    ).stdout
    return [line.split()[-1] for line in shown.decode().splitlines() if "pubkey enc" in line]


def test_gpg_adds_what_is_read_here_and_can_be_kept_from_it(modern):
    """The reason for reading the file: every one of these lines has its effect in gpg."""
    found = configure(modern, "encrypt-to alice\nencrypt-to sender\nhidden-encrypt-to bob\n")
    assert (found.encrypt_to, found.hidden_encrypt_to) == (("alice", "sender"), ("bob",))
    ids = recipients_of(modern)
    assert len(ids) == 4
    assert ids.count("0" * 16) == 1
    assert len(recipients_of(modern, "--no-encrypt-to")) == 1
