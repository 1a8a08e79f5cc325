"""Real mails, damaged at random: an error of ours, or nothing that is damaged is called signed."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpgmail.core.errors import GpgmailError
from tests.protect.helpers import (
    TEXT,
    clearsigned,
    detached,
    encrypted,
    fingerprint,
    leaf,
    mail,
    multipart,
    sealed,
    signed,
)

SECRET = b"Attack at dawn, with all we have"
PART = TEXT.replace(b"The words.", SECRET)


def signed_with_file(gpg):
    file = leaf(SECRET, "application/octet-stream; name=a.bin")
    signature = leaf(detached(gpg, SECRET), "application/pgp-signature; name=a.bin.sig")
    return multipart("mixed", file, signature)


MAKERS = {
    "signed": lambda gpg: signed(gpg, PART),
    "signed and encrypted": lambda gpg: encrypted(gpg, PART, "-s", "-u", fingerprint("sender")),
    "encrypted, signed inside": lambda gpg: encrypted(gpg, signed(gpg, PART)),
    "clearsigned": lambda gpg: leaf(clearsigned(gpg, SECRET)),
    "inline encrypted": lambda gpg: leaf(sealed(gpg, SECRET, "-s", "-u", fingerprint("sender"))),
    "a file with its signature": signed_with_file,
}


@pytest.fixture(scope="module")
def mails(sender):
    return {name: mail(make(sender)) for name, make in MAKERS.items()}


@st.composite
def changes(draw):
    """A change to a mail, by where in it (in parts of a million) and what."""
    where = draw(st.integers(0, 999_999))
    kind = draw(st.sampled_from(["flip", "cut", "drop", "insert", "repeat", "swap lines"]))
    return kind, where, draw(st.binary(min_size=1, max_size=6)), draw(st.integers(1, 60))


def apply(data, change):
    kind, where, new, size = change
    at = where * len(data) // 1_000_000
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << size % 8)]) + data[at + 1 :]
    if kind == "swap lines":
        lines = [*data.splitlines(keepends=True), b"", b""]
        one = where * (len(lines) - 1) // 1_000_000
        lines[one], lines[one + 1] = lines[one + 1], lines[one]
        return b"".join(lines)
    simple = {
        "cut": data[:at],
        "drop": data[:at] + data[at + size :],
        "insert": data[:at] + new + data[at:],
        "repeat": data[: at + size] + data[at:],
    }
    return simple[kind]


def bare(content):
    """Content without what a cleartext signature does not cover: line ends and blanks there."""
    return re.sub(rb"[ \t\r\n]+", b" ", content).strip()


def untouched(part):
    """Whether a part is what was signed; without its headers, a mail shows it with its own."""
    return bare(part.content) in {SECRET, bare(PART)}


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(changes(), min_size=1, max_size=3))
def test_damage_is_an_error_or_not_signed(name, mails, opened, changed):
    data = mails[name]
    for change in changed:
        data = apply(data, change) or b"\n"
    with contextlib.suppress(GpgmailError):
        got = opened(data)
        for part in got.parts:
            assert not part.signed or untouched(part)
        assert got.message.as_bytes() is not None


@pytest.mark.parametrize("name", MAKERS)
def test_every_truncation_is_an_error_or_not_signed(name, mails, opened):
    data = mails[name]
    body = data.index(b"\r\n\r\n")
    for end in range(body, len(data), max(1, (len(data) - body) // 25)):
        with contextlib.suppress(GpgmailError):
            got = opened(data[:end])
            assert all(not part.signed or untouched(part) for part in got.parts)


@pytest.mark.parametrize("name", MAKERS)
def test_an_undamaged_mail_is_signed(name, mails, opened):
    got = opened(mails[name])
    assert [bare(part.content) for part in got.parts] == [SECRET]
    assert got.verdict.by_author
    assert got.verdict.problems == ()


@given(st.binary(max_size=400))
def test_garbage_is_an_error_of_ours_or_not_protected(opened, data):
    with contextlib.suppress(GpgmailError):
        got = opened(b"Content-Type: text/plain\r\n" + data)
        assert not any(part.signed or part.encrypted for part in got.parts)
