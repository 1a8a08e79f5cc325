"""Real mails, damaged: an error of ours or a mail, soon, and never a signature over what changed.

`tests/vectors/fuzz.py` does the same for as long as one likes; what it finds is kept in
`tests/vectors/found/` and read here every time.
"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpgmail.core.errors import GpgmailError
from tests.vectors import mutating
from tests.vectors.mutating import KINDS, Change

HERE = Path(mutating.__file__).parent
MAILS = {path.stem: path.read_bytes() for path in sorted((HERE / "mails").glob("*.eml"))}
FOUND = sorted((HERE / "found").glob("*.eml"))
SOON = 20  # seconds, on a machine that does other things beside

changes = st.builds(
    Change,
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 999_999),
    st.binary(min_size=1, max_size=6),
    st.integers(1, 60),
)


def bare(content):
    return re.sub(rb"\s+", b" ", content).strip()


@pytest.fixture(scope="module")
def signed_contents(opened):
    """Everything that is signed in any of the mails."""
    found = set()
    for name, data in MAILS.items():
        if name != "symmetric":
            found |= {bare(part.content) for part in opened(data).parts if part.signed}
    return found


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(MAILS)), st.lists(changes, min_size=1, max_size=4))
def test_a_damaged_mail_is_an_error_or_read_as_what_it_is(opened, signed_contents, name, changed):
    data = MAILS[name]
    for change in changed:
        data = change(data)
    began = time.monotonic()
    with contextlib.suppress(GpgmailError):
        got = opened(data, passphrase=lambda _: None)
        assert got.message.as_bytes()
        for part in got.parts:
            assert not part.signed or part.blank or bare(part.content) in signed_contents
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_before(path, opened):
    began = time.monotonic()
    with contextlib.suppress(GpgmailError):
        assert opened(path).message.as_bytes()
    assert time.monotonic() - began < SOON
