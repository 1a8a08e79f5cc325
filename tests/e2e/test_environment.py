"""What a machine may lack: a terminal, HOME, a runtime directory, gpg itself."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.faces import Job
from tests.servers.readers import Gpg
from tests.support import commands

MAIL = ("--from", "sender@example.org", "--to", "alice@example.org", "--text", "x")
PROTECT = ("--sign", "--encrypt")


def test_a_bare_environment_is_enough(place, server):
    outcome = commands.run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--keyring", place("modern")),
        *MAIL,
        *PROTECT,
        env=commands.bare(),
    )

    assert (outcome.code, outcome.errors) == (0, "")
    (connection,) = server.settled()
    verdict = Gpg(place("recipients-home")).read_encrypted(connection.contents[0])
    assert verdict.signature == "good"


def test_a_bare_environment_and_the_home_by_name(place, server):
    outcome = commands.run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL, *PROTECT),
        env=commands.bare(GNUPGHOME=str(place("modern"))),
    )

    assert (outcome.code, outcome.errors) == (0, "")


@pytest.mark.parametrize("situation", ["legacy", "exports/secret.asc"])
def test_a_prepared_home_needs_no_runtime_directory_either(place, server, situation):
    name, _, file = situation.partition("/")
    address = "legacy@example.org" if name == "legacy" else "sender@example.org"
    outcome = commands.run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", "--keyring", place(name) / file),
        *("--from", address, "--to", address, "--text", "x", "--sign"),
        env=commands.bare(),
    )

    assert (outcome.code, outcome.errors) == (0, "")
    assert len(server.settled()) == 1


def test_without_any_home_the_error_says_where_was_looked(server, tmp_path):
    outcome = commands.run(
        *("send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL, "--sign"),
        env=commands.bare(HOME=str(tmp_path)),
    )

    assert outcome.code == 67
    assert str(tmp_path / ".gnupg") in outcome.errors
    assert outcome.errors.count("\n") <= 2
    assert not (tmp_path / ".gnupg").exists()
    assert server.settled() == []


def test_closed_standard_streams(place, server):
    script = '"$@" <&- >&- 2>&-'
    arguments = ["send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL, *PROTECT]
    arguments += ["--keyring", os.fspath(place("modern"))]
    with commands.subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", *commands.PROGRAM, *arguments],
        env=commands.environment(),
        start_new_session=True,
    ) as process:
        assert process.wait(30) == 0

    (connection,) = server.settled()
    verdict = Gpg(place("recipients-home")).read_encrypted(connection.contents[0])
    assert (verdict.signature, verdict.content.endswith(b"\r\n\r\nx=\r\n")) == ("good", True)


@pytest.fixture
def no_gpg(tmp_path, monkeypatch):
    """A PATH with everything but gpg."""
    monkeypatch.setenv("PATH", str(path_without_gpg(tmp_path / "bin")))
    return tmp_path / "bin"


def path_without_gpg(directory):
    directory.mkdir()
    for name in ("sh", "printf", "true"):
        (directory / name).symlink_to(shutil.which(name))
    return directory


@pytest.fixture
def old_gpg(no_gpg):
    """A gpg that says 2.0.30, and does what any gpg does with public keys."""
    real = shutil.which("gpg", path=os.defpath) or shutil.which("gpg", path="/usr/bin")
    script = f'#!/bin/sh\n[ "$1" = --version ] && echo "gpg (GnuPG) 2.0.30" || exec {real} "$@"\n'
    (no_gpg / "gpg").write_text(script)
    (no_gpg / "gpg").chmod(0o755)
    return no_gpg / "gpg"


@pytest.mark.parametrize("sign", [True, False])
def test_gpg_is_missing(face, place, server, no_gpg, sign):
    report = face(Job(port=server.port, keyring=place("modern"), sign=sign, encrypt=not sign))

    assert report.code == ("gpgmail", 10)
    assert f"gpg: not found in PATH ({no_gpg})" in report.text
    assert "install gnupg" in report.text
    assert server.settled() == []


def test_gpg_is_too_old_for_secret_keys(face, place, server, old_gpg):
    report = face(Job(port=server.port, keyring=place("modern"), encrypt=False))

    assert report.code == ("gpgmail", 11)
    assert f"{old_gpg}: is version 2.0.30" in report.text
    assert "install gnupg 2.1 or newer" in report.text
    assert server.settled() == []


def test_plain_mail_needs_no_gpg(face, server, no_gpg):
    assert face(Job(port=server.port, sign=False, encrypt=False)).text == ""
    assert len(server.settled()) == 1


@pytest.mark.parametrize("verb", ["read", "demo"])
def test_the_other_verbs_without_gpg(no_gpg, verb, tmp_path):
    mail = tmp_path / "mail.eml"
    mail.write_bytes(
        b"From: a@example.org\r\n\r\n"
        b"-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\n-----END PGP MESSAGE-----\r\n"
    )
    outcome = commands.run(verb, *([mail] if verb == "read" else []))

    assert outcome.code == 69
    assert outcome.errors.startswith("gpgmail: gpg is missing: gpg: not found in PATH")
    assert outcome.errors.count("\n") <= 2


def test_the_tests_run_the_package_under_test():
    found = commands.subprocess.run(
        [sys.executable, "-c", "import gpgmail; print(gpgmail.__file__)"],
        env=commands.bare(),
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()).is_relative_to(commands.PACKAGE)
