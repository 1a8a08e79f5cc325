"""Every mail that gpgmail writes is read by software of others, as far as that software can."""

from __future__ import annotations

import pytest

from tests.interop.corpus import CASES
from tests.interop.readers.registry import READERS
from tests.interop.seen import CannotReadError, shortcomings
from tests.interop.stated import READING, lacks
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail

pytestmark = pytest.mark.interop


def found(reader, mail, case, post):
    """What the reader lacks in this mail, and the words for a person."""
    try:
        seen = READERS[reader].read(mail, post.circle(case.reader, case.to), case.passphrase)
    except CannotReadError as error:
        return {"unreadable"}, str(error)
    except ServerUnavailableError as error:
        skip_or_fail(error)
    return shortcomings(case.meant, seen), str(seen)[:2000]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("reader", READERS)
def test_a_program_of_others_sees_what_was_meant(reader, case, post):
    faults, words = found(reader, post.mail(CASES[case]), CASES[case], post)
    assert faults == lacks(READING, reader, case), words


CHANGED = {
    "signed": "pgpmime: signed, text",
    "cleartext": "inline: signed, text",
    "sealed": "pgpmime: signed and encrypted, text",
}


@pytest.mark.parametrize("kind", CHANGED)
@pytest.mark.parametrize("reader", READERS)
def test_no_program_takes_a_changed_mail_for_signed(reader, kind, post):
    """Otherwise what the test above sees would say nothing."""
    case = CASES[CHANGED[kind]]
    mail = _changed(post.mail(case))
    faults, words = found(reader, mail, case, post)
    assert faults & {"signer", "unreadable", "unopened"}, words


def _changed(mail):
    """One letter of what is signed, or of the ciphertext, is another."""
    words = b"Everything is safe"
    if words in mail:
        return mail.replace(words, b"Everything is sage")
    place = mail.index(b"\r\n\r\n", mail.index(b"BEGIN PGP MESSAGE")) + 200
    letter = b"A" if mail[place : place + 1] != b"A" else b"B"
    return mail[:place] + letter + mail[place + 1 :]
