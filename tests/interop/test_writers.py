"""`gpgmail.read` reads what software of others writes, and says rightly who signed it."""

from __future__ import annotations

import pytest

from tests.interop import ours
from tests.interop.seen import CannotReadError, Meant, shortcomings
from tests.interop.stated import WRITING, lacks
from tests.interop.terminal_mail import Window
from tests.interop.writers.mutt import ANSWERS
from tests.interop.writers.order import CannotWriteError
from tests.interop.writers.registry import ORDERS, WRITERS
from tests.servers.unpacked import ServerUnavailableError, skip_or_fail

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("writer", WRITERS)
def test_what_a_program_of_others_writes_is_read(writer, order, post):
    faults, words = _found(WRITERS[writer], ORDERS[order], post)
    assert faults == lacks(WRITING, writer, order), words


def _found(writer, order, post):
    sender = post.circle("modern")
    try:
        mail = writer.write(order, sender)
    except CannotWriteError as error:
        return {"unwritten"}, str(error)
    except ServerUnavailableError as error:
        skip_or_fail(error)
    meant = Meant(
        text=order.text,
        files=order.files,
        encrypted=order.encrypt,
        signers=frozenset({sender.addresses[order.sender]} if order.sign else ()),
        cleartext=order.form == "inline" and not order.encrypt,
    )
    try:
        seen = ours.read(mail, post.circle("recipients-home", order.to), order.passphrase)
    except CannotReadError as error:
        return {"unreadable"}, f"{error}\n{mail[:2000]!r}"
    return shortcomings(meant, seen), f"{seen}\n{mail[:2000]!r}"


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_a_question_that_comes_now_and_then_is_answered(program, post, tmp_path):
    try:
        window = Window(program, post.circle("modern").home, tmp_path, gpgme=False)
    except ServerUnavailableError as error:
        skip_or_fail(error)
    window.set(editor="touch -d tomorrow", use_from="yes", **{"from": "sender@example.org"})
    (tmp_path / "body").write_text("words\n")
    words = ("-i", tmp_path / "body", "-s", "x", "--", "alice@example.org")
    assert b"\nwords\n" in window.compose(*words, answers=ANSWERS[program])
