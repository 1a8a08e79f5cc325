"""Trust policies: names, pin files with their errors, and addresses as they are compared."""

from __future__ import annotations

import pytest

from gpgmail.core.errors import KeyringError, KeySelectionError, UsageError
from gpgmail.keys.key import Purpose, State
from gpgmail.keys.query import Query
from gpgmail.keys.selection import Rules, select
from gpgmail.keys.trust import ALWAYS, GNUPG, Pinned, comparable, parse
from tests.keys.facts import NOW, key, uid

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


def test_pins_by_an_editor_of_windows(pins):
    written = f"\ufeffa@example.org {ONE.fingerprint}\r\n"
    assert chosen("a@example.org", Pinned.read(pins(written))) is ONE


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


def test_pins_are_written_and_read_back(tmp_path):
    path = tmp_path / "pins"
    pins = Pinned({}, str(path)).pin("a@EXAMPLE.org", ONE.fingerprint).pin("ü@b.org", "b" * 40)
    pins.write()
    assert Pinned.read(path) == pins
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith("#")
    assert lines[1:] == [f"a@example.org {ONE.fingerprint}", f"ü@b.org {'B' * 40}"]
    assert list(tmp_path.iterdir()) == [path]
    pins.write(tmp_path / "copy")
    assert Pinned.read(tmp_path / "copy").pins == pins.pins


def test_what_people_wrote_beside_pins_stays(pins):
    kept = f"a@example.org {ONE.fingerprint.lower()}  # met in person"
    path = pins(f"# ours\n\n{kept}\nb@example.org {TWO.fingerprint}\nc#1@d.org {'C' * 40}")
    path.chmod(0o640)
    Pinned.read(path).unpin("b@example.org").pin("e@example.org", TWO.fingerprint).write()
    text = path.read_text()
    new = f"e@example.org {TWO.fingerprint}\n"
    assert text == f"# ours\n\n{kept}\nc#1@d.org {'C' * 40}\n{new}"
    assert path.stat().st_mode & 0o777 == 0o640
    Pinned.read(path).write()
    assert path.read_text() == text


def test_pins_go_through_a_link(pins, tmp_path):
    path = pins("")
    link = tmp_path / "link"
    link.symlink_to(path)
    Pinned({}, str(link)).pin("a@b.org", "A" * 40).write()
    assert link.is_symlink()
    assert path.read_text() == f"\na@b.org {'A' * 40}\n"


def test_a_file_that_holds_something_else_is_not_overwritten(pins):
    path = pins("This is no list of pins\n")
    with pytest.raises(UsageError, match="line 1"):
        Pinned({}, str(path)).pin("a@b.org", "A" * 40).write()
    assert path.read_text() == "This is no list of pins\n"


def test_a_place_where_nothing_can_be_written(tmp_path):
    with pytest.raises(KeyringError, match="absent"):
        Pinned({}, str(tmp_path / "absent" / "pins")).pin("a@b.org", "A" * 40).write()


@pytest.mark.parametrize("line", [("", ""), ("a@b.org", "A" * 39), ("a b@c.org", "A" * 40)])
def test_what_is_no_pin_is_not_pinned(line):
    with pytest.raises(UsageError):
        Pinned({}, "pins").pin(*line)


def test_a_subkey_may_be_pinned(pins):
    policy = Pinned.read(pins(f"a@example.org {TWO.subkeys[0].fingerprint}"))
    assert chosen("a@example.org", policy) is TWO


@pytest.mark.parametrize("pinned", ["A@example.org", "a@EXAMPLE.ORG"])
@pytest.mark.parametrize("asked", ["a@example.org", "A@Example.org"])
def test_a_pin_is_found_in_any_case_as_a_user_id_is(pins, pinned, asked):
    policy = Pinned.read(pins(f"{pinned} {TWO.fingerprint}"))
    assert chosen(asked, policy) is TWO
    assert policy.objection(ONE, ONE.user_ids, asked)


def test_one_in_the_same_case_goes_before_others(pins):
    written = f"A@example.org {ONE.fingerprint}\na@example.org {TWO.fingerprint}\n"
    policy = Pinned.read(pins(written))
    assert (chosen("A@example.org", policy), chosen("a@example.org", policy)) == (ONE, TWO)
    assert chosen("A@example.org", policy.unpin("a@example.org")) is ONE
    assert policy.unpin("a@example.org").unpin("a@example.org").pins == {}
    more = Pinned({}, "pins").pin("A@b.org", "A" * 40).pin("a@b.org", "B" * 40)
    assert more.pins == {"A@b.org": frozenset({"A" * 40}), "a@b.org": frozenset({"B" * 40})}
    assert Pinned({}, "pins").pin("\u017f@b.org", "A" * 40).of("S@b.org") == frozenset()  # a long s


def test_a_user_id_in_another_case_that_was_revoked_counts(pins):
    gone = key(3, uid("A <A@example.org>", state=State.REVOKED), "A <a@left.example>")
    policy = Pinned.read(pins(f"a@example.org {gone.fingerprint}"))
    rules = Rules(purpose=Purpose.ENCRYPT, trust=policy, now=NOW, place="r")
    with pytest.raises(KeySelectionError, match="revoked"):
        select((gone,), Query.parse("a@example.org"), rules)


@pytest.mark.parametrize(
    ("address", "form"),
    [
        ("A@EXAMPLE.org", "A@example.org"),
        ("a@example.org.", "a@example.org"),
        ("a@Bücher.example", "a@xn--bcher-kva.example"),
        ("a@Bu\u0308cher.example", "a@xn--bcher-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # not strasse.example (RFC 5891)
        ('"a@b"@example.org', '"a@b"@example.org'),
        ("a@" + "ü" * 80, "a@" + "ü" * 80),
        ("", ""),
    ],
)
def test_addresses_as_compared(address, form):
    assert comparable(address) == form
