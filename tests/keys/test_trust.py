"""Trust policies: names, pin files with their errors, and addresses as they are compared."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import KeyringError, KeySelectionError, UsageError
from gpgmail.keys.key import Purpose
from gpgmail.keys.query import Query
from gpgmail.keys.selection import Rules, select
from gpgmail.keys.trust import ALWAYS, GNUPG, Pinned, comparable, parse
from tests.keys.facts import NOW, key

ONE, TWO = key(1, "A <a@example.org>"), key(2, "A <a@example.org>")


@pytest.fixture
def pins(tmp_path):
    def write(text):
        path = tmp_path / "pins"
        path.write_text(text)
        return path

    return write


def chosen(text, trust):
    rules = Rules(purpose=Purpose.ENCRYPT, trust=trust, now=NOW, place="r")
    return select((ONE, TWO), Query.parse(text), rules).key


def test_names(pins):
    path = pins(f"a@example.org {ONE.fingerprint}\n")
    assert parse("always") is ALWAYS
    assert parse("GnuPG") is GNUPG
    assert parse(GNUPG) is GNUPG
    assert parse(f"pinned:{path}") == Pinned.read(path)
    with pytest.raises(UsageError, match=r"trust: 'tofu' is none of"):
        parse("tofu")


def test_pin_chooses_between_two(pins):
    policy = Pinned.read(
        pins(f"# who has which key\n\n  a@EXAMPLE.org\t0x{TWO.fingerprint.lower()}  # checked\n")
    )
    assert chosen("a@example.org", policy) is TWO


def test_pin_with_blanks_in_the_fingerprint(pins):
    groups = " ".join(ONE.fingerprint[i : i + 4] for i in range(0, 40, 4))
    assert chosen("a@example.org", Pinned.read(pins(f"a@example.org {groups}"))) is ONE


def test_two_pins_for_one_address_allow_both(pins):
    policy = Pinned.read(
        pins(f"a@example.org {ONE.fingerprint}\na@example.org {TWO.fingerprint}\n")
    )
    for one in (ONE, TWO):
        assert policy.objection(one, one.user_ids, "a@example.org") is None


def test_key_id_of_a_pinned_key(pins):
    policy = Pinned.read(pins(f"a@example.org {ONE.fingerprint}"))
    assert chosen(ONE.key_id, policy) is ONE
    with pytest.raises(KeySelectionError, match="pins another key"):
        chosen(TWO.key_id, policy)


def test_no_pin(pins):
    path = pins(f"b@example.org {ONE.fingerprint}")
    with pytest.raises(KeySelectionError, match="pins no key for it") as caught:
        chosen("a@example.org", Pinned.read(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "a@example.org",
        "a@example.org DEADBEEF",
        f"a@example.org {ONE.fingerprint}0",
        f"a@example.org {ONE.fingerprint[:-1]}X",
        f"{ONE.fingerprint} a@example.org",
        f"nobody {ONE.fingerprint}",
    ],
)
def test_bad_line_is_named(pins, line):
    path = pins(f"# first\n{line}\n")
    with pytest.raises(UsageError, match="line 2") as caught:
        Pinned.read(path)
    assert str(path) in str(caught.value)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(KeyringError, match="nothing-here"):
        Pinned.read(tmp_path / "nothing-here")


def test_file_that_is_no_text(tmp_path):
    (tmp_path / "pins").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyringError, match="pins"):
        Pinned.read(tmp_path / "pins")


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("A@EXAMPLE.org", "A@example.org"),
        ("a@example.org.", "a@example.org"),
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ('"a@b"@example.org', '"a@b"@example.org'),
        ("a@" + "ü" * 80, "a@" + "ü" * 80),
        ("", ""),
    ],
)
def test_addresses_as_compared(address, form):
    assert comparable(address) == form
