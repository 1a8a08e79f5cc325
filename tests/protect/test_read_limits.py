"""Mails that are made to take a machine's memory, stack or time: a typed error, and soon."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpgmail.core.errors import GpgmailError, MessageError, UsageError
from gpgmail.message.walk import MOST_LEVELS, MOST_PARTS
from gpgmail.protect.verdict import Cover
from tests.protect.helpers import TEXT, detached, encrypted, leaf, mail, multipart, sealed, signed

MIB = 1024 * 1024
SOON = 10  # seconds, on a machine that does other things beside


@pytest.fixture(scope="module")
def bomb(sender):
    """A mail of under 200 kB with 64 MiB of zeros in it."""
    zeros = sealed(sender, leaf(bytes(64 * MIB), "text/plain"), "-z", "9")
    data = mail(encrypted(sender, b"", message=zeros))
    assert len(data) < 200_000
    return data


def test_a_compression_bomb_ends_where_the_limit_is(bomb, opened):
    with pytest.raises(MessageError) as caught:
        opened(bomb, most_bytes=MIB)
    assert (caught.value.code.family, caught.value.code.number) == ("gpgmail", 25)
    assert "1048576" in str(caught.value)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_bomb_does_not_fill_the_memory(bomb, alice, tmp_path):
    """In a process of its own, whose peak is looked at."""
    (tmp_path / "mail").write_bytes(bomb)
    code = (
        "import sys, gpgmail\n"
        "try: gpgmail.read(sys.argv[1], keyring=sys.argv[2], most_bytes=2**20)\n"
        "except gpgmail.MessageError: print(open('/proc/self/status').read())\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "mail", alice.home]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = next(line.split()[1] for line in ran.stdout.splitlines() if line.startswith("VmHWM"))
    assert int(peak) < 64 * 1024  # KiB, the bomb's size; the interpreter has 30 MiB


@pytest.mark.parametrize("form", ["inline", "attached", "signed"])
def test_the_limit_is_for_everything_that_opens(form, sender, opened):
    zeros = sealed(sender, bytes(4 * MIB), "-z", "9")
    content = {
        "inline": lambda: leaf(zeros),
        "attached": lambda: multipart(
            "mixed", *[leaf(zeros, f"application/octet-stream; name={n}.asc") for n in range(2)]
        ),
        "signed": lambda: leaf(sender("--armor", "-z", "9", "-s", stdin=bytes(4 * MIB))),
    }[form]()
    sizes = {"inline": 4 * MIB, "attached": 8 * MIB, "signed": 4 * MIB}
    data = mail(content)
    enough = sizes[form] + len(data)
    assert sum(len(part.content) for part in opened(data, most_bytes=enough).parts) == sizes[form]
    with pytest.raises(MessageError, match="more than"):
        opened(data, most_bytes=enough - 1)


def test_an_endless_source_is_left_at_the_limit(opened):
    class Endless(io.RawIOBase):
        given = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            buffer[:] = b"x" * len(buffer)
            self.given += len(buffer)
            return len(buffer)

    source = Endless()
    with pytest.raises(MessageError, match="more than 1048576"):
        opened(source, most_bytes=MIB)
    assert source.given < 4 * MIB


@pytest.mark.parametrize("most_bytes", [0, -1])
def test_a_limit_that_is_none_is_refused(most_bytes, opened):
    with pytest.raises(UsageError):
        opened(mail(TEXT), most_bytes=most_bytes)


def nested_levels(count):
    part = TEXT
    for _ in range(count):
        part = multipart("mixed", part)
    return part


def bad_signatures(sender):
    """Each is tried on all that stands before it, in each form that this may have had."""
    armor = leaf(detached(sender, TEXT), "application/pgp-signature")
    part = leaf(b"x" * 50_000, "application/octet-stream")
    for _ in range(20):
        part = multipart("mixed", part, armor)
    return part


def nested_signed(count, sender):
    part = TEXT
    for _ in range(count):
        part = signed(sender, part, signature=b"-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n")
    return part


@pytest.mark.parametrize(
    "build",
    [
        lambda _: nested_levels(MOST_LEVELS + 1),
        lambda _: multipart("mixed", *[b"\r\n"] * (MOST_PARTS + 1)),
        lambda sender: nested_signed(6, sender),
        bad_signatures,
        lambda _: leaf(mail(nested_levels(MOST_LEVELS)), "message/rfc822"),
        lambda _: b"Content-Type: message/global\r\n\r\n" * 3000,
        lambda _: b"Content-Type: message/delivery-status\r\n\r\n" * (2 * MOST_PARTS),
    ],
    ids=[
        "levels",
        "parts",
        "protections",
        "bad signatures",
        "mails inside",
        "only the library",
        "its parts",
    ],
)
def test_what_is_nested_beyond_measure_is_refused(build, sender, opened):
    with pytest.raises(MessageError):
        opened(mail(build(sender)))


SLOW = {
    "begins without end": leaf(b"-----BEGIN PGP MESSAGE-----\r\n" * 40_000),
    "signed without end": leaf(b"-----BEGIN PGP SIGNED MESSAGE-----\r\n" * 40_000),
    "blanks in a line": leaf((b" " * 100_000 + b"-\r\n") * 20),
    "blanks before armor": leaf(b" \t" * 500_000 + b"-----BEGIN PGP MESSAGE-----\r\n"),
    "folded lines": b"X: y" + b"\r\n " * 300_000 + b"\r\n\r\nx",
    "one type": leaf(b"x", "text/plain; x=" + '";"' * 5000),
    "many parameters": leaf(b"x", "text/plain" + "; x*1*=y" * 1500),
    "a long type": leaf(b"x", "text/plain" + ";" * 900_000),
    "a long name": leaf(
        b"x", "text/plain", "Content-Disposition: attachment; filename=" + "x" * 900_000
    ),
    "comments": mail(TEXT, sender="(" * 3000 + "a@example.org"),
    "many comments": mail(TEXT, sender="(x) " * 8000 + "a@example.org"),
    "bytes in a field": mail(TEXT, sender="\u00e4|x " * 300),
    "bytes in many fields": mail(TEXT, fields=("Cc: " + "\u00e4|x " * 40,) * 60),
    "many recipients": mail(TEXT, fields=("Cc: " + ", ".join(["a@example.org"] * 3000),)),
    "a long subject": mail(TEXT, fields=("Keywords: " + "=?utf-8?q?x?= " * 60_000,)),
    "tags": leaf(b"<p" * 200_000 + b"-----BEGIN PGP ", "text/html"),
    "comments in HTML": leaf(b"<!--" * 100_000 + b"-----BEGIN PGP ", "text/html"),
    "entities": leaf(b"&#x" * 200_000 + b"-----BEGIN PGP ", "text/html"),
    "declarations": leaf(b"<![" * 50_000 + b"-----BEGIN PGP ", "text/html"),
    "broken lines of armor": leaf(
        b"-----BEGIN PGP MESSAGE-----\r\n"
        + b"x\r\n\r\n" * 200_000
        + b"-----END PGP MESSAGE-----\r\n"
    ),
    "a less-than sign": leaf(b"<" * 1_000_000 + b"-----BEGIN PGP ", "text/html"),
    "a number": leaf(b"&#" + b"9" * 5000 + b";-----BEGIN PGP ", "text/html"),
    "the name of a parameter": leaf(b"x", f'text/plain; {"n" * 90}="{"b c" * 40}"'),
    "a parameter of many parts": multipart(
        "mixed", *[leaf(b"x", f'text/plain; x="{";" * 15_900}"')] * 100
    ),
    "names of many parts": multipart(
        "mixed",
        *[leaf(b"x", "text/plain", f'Content-Disposition: a; filename="{"=?a?q?" * 2600}"')] * 100,
    ),
    "packets with nothing in them": multipart(
        "mixed", leaf(b"\xca\0" * 2_000_000, "application/octet-stream; name=x.gpg")
    ),
    "many parts": multipart("digest", *[b"\r\nSubject: x\r\n\r\nx"] * 2400),
    "one field many times": mail(TEXT, fields=("Comments: =?utf-8?q?a?=",) * 30_000),
    "boundaries": multipart("mixed", b"--b\r\n" * 200_000),
}


@pytest.mark.parametrize("case", SLOW)
def test_nothing_takes_time_out_of_proportion(case, opened):
    data = SLOW[case]
    data = data if data.startswith((b"From", b"X:")) else mail(data)
    began = time.monotonic()
    try:
        got = opened(data)
        assert got.verdict.encrypted is Cover.NONE
        assert got.message.as_bytes()
    except GpgmailError:
        pass
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    "parameters",
    ['; filename="\u00dcbung.pdf"', "; filename*" + "9" * 5000 + "=x", "; " + "n" * 90 + "=x"],
    ids=["in 8 bit", "with a number that is none", "with a long name"],
)
def test_an_attachment_is_one_whatever_else_its_field_says(parameters, opened):
    """The library's own methods find it, and end."""
    file = leaf(b"data", "application/pdf", "Content-Disposition: attachment" + parameters)
    got = opened(mail(multipart("mixed", TEXT, file)))
    message = got.message
    assert message.get_body().get_content().strip() == "The words."
    (attached,) = message.iter_attachments()
    assert attached.get_payload(decode=True) == b"data"
    assert attached.get_filename() in {None, "\u00dcbung.pdf"}
    assert b"application/pdf" in message.as_bytes()
