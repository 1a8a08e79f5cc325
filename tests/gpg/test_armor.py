"""Armor without its checksum line is read whatever its length, as messages, signatures and keys."""

from __future__ import annotations

import re
import shutil
import subprocess
import time

import pytest

import gpgmail
from gpgmail.gpg.armor import readable
from gpgmail.keys.keyring import Keyring
from tests.support.keyrings import KEYRINGS, fixture_key, keyring_copy

CHECKSUM = re.compile(rb"^=[A-Za-z0-9+/]{4}\r?\n", re.MULTILINE)
ALICE, BOB = (fixture_key("recipients-home", name).fingerprint for name in ("alice", "bob"))


@pytest.fixture(scope="module")
def home():
    with keyring_copy("recipients-home") as path:
        yield path


def gpg(home, *arguments, given=b"", program="gpg"):
    command = [program, "--homedir", home, "--batch", "--no-tty", "--quiet", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)


def stripped(armor):
    bare, number = CHECKSUM.subn(b"", armor)
    assert number
    return bare


def fingerprints(keyring):
    return sorted(key.fingerprint for key in keyring.keys())  # noqa: SIM118 - no dictionary


def stored(size):
    """The words for an OpenPGP message of a text of that size, whose armor ends in every way."""
    return b"x" * size, ("--armor", "--store", "--compress-algo", "none", "--output", "-")


@pytest.mark.parametrize("program", ["gpg", "gpg1"])
def test_gpg_itself_does_not_read_it(home, program):
    """When it does, `readable` is needed no more."""
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    with keyring_copy("legacy") as old:  # gpg 1.4 would change the other one
        codes = []
        for size in range(1, 4):
            text, words = stored(size)
            bare = stripped(gpg(home, *words, given=text).stdout)
            codes.append(gpg(old, "--decrypt", given=bare, program=program).returncode)
    assert sorted(map(bool, codes)) == [False, False, True]


@pytest.mark.parametrize("size", range(1, 7))
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_message_of_any_length(home, size, line_end):
    text, words = stored(size)
    bare = stripped(gpg(home, *words, given=text).stdout).replace(b"\n", line_end)
    ran = gpg(home, "--decrypt", given=readable(bare))
    assert (ran.returncode, ran.stdout) == (0, text)


@pytest.mark.parametrize("comment", ["", *("c" * size for size in (1, 2, 3))])
@pytest.mark.parametrize("detached", [True, False])
def test_a_signature_of_any_length(home, tmp_path, comment, detached):
    """A notation is part of the signature, which is longer by as much."""
    command = "--detach-sign" if detached else "--clear-sign"
    notation = f"n@example.org=x{comment}"
    words = ("--armor", "--local-user", ALICE, "--sig-notation", notation, "--output", "-")
    armor = stripped(gpg(home, *words, command, given=b"text\n").stdout)
    (tmp_path / "s.asc").write_bytes(readable(armor))
    ran = gpg(home, "--verify", tmp_path / "s.asc", *(["-"] * detached), given=b"text\n")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "path",
    [
        path
        for situation in ("exports", "recipients", "exports-protected")
        for path in sorted((KEYRINGS / situation).glob("*.asc"))
    ],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_keys(path):
    with Keyring.open(path) as whole, Keyring.open(stripped(path.read_bytes())) as bare:
        assert fingerprints(bare) == fingerprints(whole)


@pytest.mark.parametrize("comment", [(), ("--comment", "x")])
def test_keys_of_any_length_one_behind_the_other(home, comment):
    """Two blocks in one file, either of which may be the one that is misread."""
    words = ("--armor", *comment, "--export")
    keys = {key: stripped(gpg(home, *words, key).stdout) for key in (ALICE, BOB)}
    with Keyring.open(b"".join(keys.values())) as ring:
        assert fingerprints(ring) == sorted(keys)


@pytest.mark.parametrize("size", range(20, 26))
def test_a_mail_of_any_length_is_read(home, size):
    draft = gpgmail.Draft(from_="alice@example.org", to="alice@example.org", text="x" * size)
    with gpgmail.Mailer(None, keyring=home) as mailer:
        for form in ("pgpmime", "inline"):
            (copy,) = mailer.write(draft, sign=True, encrypt=True, format=form).copies
            mail = gpgmail.read(stripped(b"".join(copy.render())), keyring=home)
            assert mail.verdict.by_author


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"-----BEGIN PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nabcd\n",
        b"-----BEGIN PGP MESSAGE-----\n\n=abcd\n-----END PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nabc=\n-----END PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nabcde\n-----END PGP MESSAGE-----\n",
        b"> -----BEGIN PGP MESSAGE-----\n> \n> wcBM\n> -----END PGP MESSAGE-----\n",
        b"-----BEGIN PGP MESSAGE-----\n\nabcd\n-----END PGP MESSAGE-----\n",
    ],
)
def test_what_is_no_such_armor_stays(data):
    assert readable(data) is data


def test_what_stands_around_stays():
    armor = b"-----BEGIN PGP MESSAGE-----\nComment: x\n\nwcBM\n-----END PGP MESSAGE-----"
    around = readable(b"before\n" + armor + b"\nbehind\n")
    assert around.startswith(b"before\n-----BEGIN")
    assert around.endswith(b"-----END PGP MESSAGE-----\nbehind\n")
    assert len(CHECKSUM.findall(around)) == 1


def test_many_beginnings_take_no_time():
    started = time.monotonic()
    readable(b"-----BEGIN PGP SIGNATURE-----\n" * 200_000)
    assert time.monotonic() - started < 10
