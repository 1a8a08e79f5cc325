"""Whatever gpg says: a verdict, a key, or an error of ours; never another, and never for long.

Seeds are what real gpg said (tests/vectors/gpg_output.py), changed line by line, word by word and
byte by byte.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.crypto.verdicts import decrypted, verified
from gpgmail.gpg.binary import find
from gpgmail.gpg.home import Home
from gpgmail.gpg.judge import judge
from gpgmail.gpg.keywords import KEYWORDS
from gpgmail.gpg.python_gnupg import PythonGnupg, _Listing
from gpgmail.gpg.runner import Result
from gpgmail.gpg.status import StatusParser, parse
from gpgmail.keys.key import Purpose, key_from_record

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
STATUS = [path.read_bytes() for path in sorted((VECTORS / "status").glob("*.txt"))]
LISTINGS = [path.read_bytes() for path in sorted((VECTORS / "listing").glob("*.txt"))]
NOW = datetime(2026, 1, 1, tzinfo=UTC)

WORDS = st.sampled_from(
    [
        *(b"", b"0", b"-1", b"9" * 25, b"9" * 5000, b"T", b"20240102T030405", b"67108949_No"),
        *(b"%", b"%zz", b"\xff\xfe", b"\\x3a", b"\\x", b"\0", b"\r"),
        *(b"r", b"e", b"i", b"D", b"#", b">", b"-"),
    ]
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["drop", "twice", "swap", "word", "cut", "flip"]),
        st.integers(0, 10_000),
        st.integers(0, 30),
        WORDS,
    ),
    max_size=8,
)


def changed(data, changes, separator):
    """The data with its lines dropped, doubled, swapped, their words replaced, or bytes of it."""
    lines = data.split(b"\n")
    for kind, where, place, word in changes:
        at = where % len(lines)
        words = lines[at].split(separator)
        lines[at : at + 1] = {
            "drop": [] if len(lines) > 1 else [b""],
            "twice": [lines[at], lines[at]],
            "swap": [lines[-1], lines[at]],
            "word": [separator.join([*words[:place], word, *words[place + 1 :]])],
            "cut": [separator.join(words[:place])],
            "flip": [lines[at][:place] + bytes([where % 256]) + lines[at][place + 1 :]],
        }[kind]
    return b"\n".join(lines)


def read_status(data, returncode):
    """Everything that reads status lines, on one run's."""
    result = Result(returncode, parse(data), data.decode("utf-8", "replace"))
    for line in result.status:
        for field in KEYWORDS[line.keyword].fields if line.keyword in KEYWORDS else ():
            name = field.removesuffix("...")
            assert line.number(name) >= 0
            assert isinstance(line.time(name), datetime | None)
            assert isinstance(line.get(name), str)
    assert isinstance(judge(result, Situation.GPG_FAILED), GpgmailError)
    for verdict in (decrypted, lambda it: verified(it, texts=0), lambda it: verified(it, texts=1)):
        try:
            opened = verdict(result)
        except GpgmailError:
            continue
        assert opened.decrypted or opened.signatures


@given(st.sampled_from(STATUS), CHANGES, st.sampled_from([0, 1, 2, -9]))
def test_changed_status_lines(data, changes, returncode):
    read_status(changed(data, changes, b" "), returncode)


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(KEYWORDS)), st.lists(WORDS, max_size=16)), max_size=9
    ),
    st.sampled_from([0, 2]),
)
def test_any_keyword_with_any_words(lines, returncode):
    data = b"\n".join(
        b" ".join([b"[GNUPG:]", keyword.encode(), *words]) for keyword, words in lines
    )
    read_status(data, returncode)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_bytes_however_they_are_cut(data, size):
    whole = b"[GNUPG:] " + data + b"\n"
    parser = StatusParser()
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    lines = [line for piece in pieces for line in parser.feed(piece)]
    assert tuple(lines) == tuple(StatusParser().feed(whole))


def keys_of(data, tmp_path):
    """The keys of a listing, by the way of a real one."""
    gpg = PythonGnupg(find(), Home(directory=tmp_path), Run(), "listing")
    listing = _Listing(gpg)
    listing.data = data
    return [key_from_record(record) for record in gpg._decode_result(listing).records()]


def use(key):
    """Ask a key everything."""
    for purpose in Purpose:
        key.part_for(purpose, NOW)
        key.reason_unusable(purpose, NOW)
    told = (key.fingerprint, key.key_id, key.user_id, key.other_user_ids, key.newest_user_id)
    told += (key.usage_flags, key.version, key.created, key.expires, key.revoked)
    told += tuple(value for uid in key.user_ids for value in (uid.email, uid.name))
    told += tuple(part.shortest_hash for part in key.parts)
    assert repr(told)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("none")


@pytest.mark.parametrize("data", LISTINGS, ids=len)
def test_real_listings_have_keys(data, home):
    keys = keys_of(data, home)
    assert len(keys) == data.count(b"\npub:") + data.count(b"\nsec:") + data.startswith(b"sec:")
    for key in keys:
        use(key)
        assert len(key.fingerprint) == 40
        assert key.created is not None


@example(data=LISTINGS[0], changes=[("word", 1, 9, b"\\x")])
@given(data=st.sampled_from(LISTINGS), changes=CHANGES)
def test_changed_listings(data, changes, home):
    keys, code = [], Situation.KEYRING_UNREADABLE.code
    try:
        keys = keys_of(changed(data, changes, b":"), home)
    except GpgmailError as error:
        code = error.code
    assert code is Situation.KEYRING_UNREADABLE.code
    for key in keys:
        use(key)
