"""Files that are missing, unreadable or damaged: a typed error that names them, nothing sent."""

from __future__ import annotations

import os
import subprocess

import pytest

import gpgmail
from tests.e2e.faces import Job
from tests.support import commands
from tests.support.keyrings import KEYRINGS

ATTACHMENT = ("SMTP", 302)
DAMAGED = sorted(path.name for path in (KEYRINGS / "damaged").iterdir())


@pytest.fixture
def attachments(tmp_path):
    """Paths that cannot be read, by what is wrong with them."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_bytes(b"x")
    return {
        "missing": tmp_path / "missing.pdf",
        "a directory": tmp_path / "directory",
        "a dangling link": tmp_path / "dangling",
        "a loop of links": tmp_path / "loop",
        "below a file": tmp_path / "file" / "x",
    }


@pytest.mark.parametrize(
    "what", ["missing", "a directory", "a dangling link", "a loop of links", "below a file"]
)
def test_an_attachment_that_cannot_be_read(face, place, server, attachments, what):
    path = attachments[what]
    report = face(Job(port=server.port, attach=(path,), keyring=place("modern")))

    assert report.code == ATTACHMENT
    assert str(path) in report.text
    assert server.settled() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read it")
def test_an_attachment_that_may_not_be_read(server, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"x")
    secret.chmod(0)
    arguments = ("send", "--server", f"smtp://127.0.0.1:{server.port}", "--text", "x")
    arguments += ("--from", "a@example.org", "--to", "b@example.org", "--attach", str(secret))
    dropped = ("setpriv", "--reuid=0", "--regid=0", "--clear-groups", "--bounding-set=-all")
    done = subprocess.run(
        [*dropped, *commands.PROGRAM, *arguments],
        env=commands.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 66
    assert done.stderr.startswith(f"gpgmail: an attachment cannot be read: {secret}: ")
    assert done.stderr.count("\n") <= 2
    assert server.settled() == []


@pytest.mark.parametrize("sign", [False, True])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_key_file(face, server, name, sign):
    path = KEYRINGS / "damaged" / name
    job = Job(port=server.port, sign=sign, encrypt=not sign, keyring=path)
    report = face(job)

    assert report.family in {"OpenPGP", "gpgmail"}
    assert report.number in {101, 105, 114, 115, 117, 8}
    assert str(path) in report.text
    assert server.settled() == []


@pytest.mark.parametrize("kind", ["missing", "empty directory", "device"])
def test_a_place_that_holds_no_keys(face, server, tmp_path, kind):
    paths = {"missing": tmp_path / "no", "empty directory": tmp_path, "device": "/dev/zero"}
    report = face(Job(port=server.port, encrypt=False, keyring=paths[kind]))

    assert report.number in {114, 115, 117}
    assert str(paths[kind]) in report.text
    assert server.settled() == []


@pytest.fixture(scope="module")
def protected_mail(place):
    """A signed and encrypted mail."""
    return written(place("modern"), sign=True, encrypt=True)


@pytest.fixture(scope="module")
def signed_mail(place):
    """A signed mail."""
    return written(place("modern"), sign=True, encrypt=False)


def written(keyring, **wish):
    draft = gpgmail.Draft(from_="sender@example.org", to="alice@example.org", text="x\n" * 99)
    with gpgmail.Mailer(None, keyring=keyring) as mailer:
        (copy,) = mailer.write(draft, **wish).copies
        return b"".join(copy.render())


def read(place, mail):
    """`gpgmail read` on bytes: the outcome, which is never a traceback."""
    outcome = commands.call("read", "-", "--keyring", place("recipients-home"), stdin=mail)
    assert "Traceback" not in outcome.errors
    assert outcome.errors.count("\n") <= 1
    return outcome


@pytest.mark.parametrize("cut", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_truncated_encrypted_mail(place, protected_mail, cut):
    piece = protected_mail[: int(len(protected_mail) * cut)]
    outcome = read(place, piece)

    assert b"Encrypted: whole" not in outcome.output
    assert b"Signed: whole" not in outcome.output


@pytest.mark.parametrize("cut", [0.55, 0.7, 0.9])
def test_a_truncated_encrypted_mail_is_a_typed_error(place, protected_mail, cut):
    with pytest.raises(gpgmail.GpgmailError):
        gpgmail.read(
            protected_mail[: int(len(protected_mail) * cut)], keyring=place("recipients-home")
        )


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.7, 0.9])
def test_a_truncated_signed_mail_is_not_signed(place, signed_mail, cut):
    outcome = read(place, signed_mail[: int(len(signed_mail) * cut)])

    assert b"Signed: whole" not in outcome.output


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\0" * 99, bytes(range(256)) * 9, b"\x85\x01\x0c" * 500, b"\r\n\r\n", b"not a mail"],
    ids=["empty", "zeros", "bytes", "packets", "only line ends", "words"],
)
def test_garbage_is_no_mail(place, garbage):
    outcome = read(place, garbage)

    assert outcome.code == 65
    assert outcome.output == b""
    assert outcome.errors.startswith("gpgmail: the message cannot be taken apart: ")


def test_a_damaged_encrypted_mail_is_a_typed_error(place, protected_mail):
    armor = b"-----BEGIN PGP MESSAGE-----"
    assert protected_mail.count(armor) == 1
    outcome = read(place, protected_mail.replace(armor, b"-----BEGIN PGP MASSAGE-----"))

    assert outcome.code in {65, 66}
    assert outcome.errors.startswith("gpgmail: ")


def test_what_stands_in_the_place_of_the_control_part_is_outside(place, protected_mail):
    control = b"application/pgp-encrypted\r\n"
    assert protected_mail.count(control) == 1
    outcome = read(place, protected_mail.replace(control, b"application/x-other\r\n"))

    assert outcome.code == 65
    assert b"\n--- application/x-other, outside of what is protected" in outcome.output
    assert b"Encrypted: part" in outcome.output


def test_a_flipped_byte_in_the_ciphertext_shows_nothing(place, protected_mail):
    middle = protected_mail.index(b"\r\n\r\n", protected_mail.index(b"BEGIN PGP")) + 300
    flipped = bytearray(protected_mail)
    flipped[middle] = flipped[middle] ^ 1 if flipped[middle : middle + 1].isalnum() else ord("A")
    outcome = read(place, bytes(flipped))

    assert outcome.code == 65
    assert outcome.output == b""


@pytest.mark.parametrize("kind", ["missing", "a directory"])
def test_a_mail_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / "no.eml" if kind == "missing" else tmp_path
    outcome = commands.call("read", path)

    assert (outcome.code, outcome.output) == (66, b"")
    assert outcome.errors.startswith(f"gpgmail: a file cannot be read: {path}: ")
    assert outcome.errors.count("\n") <= 2
