"""A session with a real Exim: chunks, groups, and who is on a list."""

from __future__ import annotations

import pytest

from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import ServerError
from gpgmail.core.run import Run
from gpgmail.transport.session import Session
from tests.transport.support import Ears, exim_options, failing

pytestmark = pytest.mark.servers

ALICE, BOB, NOBODY = "alice@open.example", "bob@open.example", "nobody@open.example"
HEAD = b"Subject: one\r\nFrom: a@example.org\r\n\r\n"
BODY = b".\r\n..\r\n.dot\r\nFrom here\r\n"


def opened(exim, ears=None, **rows):
    options = exim_options(
        exim,
        **rows,
    )
    return Session.open(options, Run(timeout=20, emit=ears or Ears()))


def envelope(*addresses):
    return Envelope("a@example.org", tuple(map(Recipient, addresses)))


@pytest.mark.parametrize(
    "rows",
    [{}, {"pipelining": False}, {"chunking": False}, {"pipelining": False, "chunking": False}],
)
def test_mails_are_queued_as_they_are_sent(exim, rows):
    ears = Ears()
    large = BODY + b"x" * 78 + b"\r\n" + BODY * 20_000
    before = len(exim.bodies())
    with opened(exim, ears, **rows) as session:
        assert {"PIPELINING", "CHUNKING", "DSN"} <= session.extensions.keys()
        for body in (BODY, large):
            delivery = session.deliver(envelope(ALICE, BOB), [HEAD, body])
            assert delivery.accepted == (ALICE, BOB)
    small_one, large_one = exim.bodies()[before:]
    assert small_one.replace(b"\n", b"\r\n") == BODY
    assert large_one.replace(b"\n", b"\r\n") == large
    said = [line.split(" ")[0] for line in ears.lines()]
    assert ("BDAT" in said) is rows.get("chunking", True)


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("stop_on", [(), [RecipientType.TO]])
def test_one_is_refused(exim, stop_on, chunking):
    before = len(exim.bodies())
    with opened(exim, chunking=chunking) as session:
        if stop_on:
            with failing(ServerError, 161) as caught:
                session.deliver(envelope(ALICE, NOBODY), [HEAD, BODY], stop_on=stop_on)
            assert caught.value.refused[NOBODY].code == 550
        else:
            delivery = session.deliver(envelope(ALICE, NOBODY), [HEAD, BODY], stop_on=stop_on)
            assert delivery.accepted == (ALICE,)
            assert list(delivery.refused) == [NOBODY]
        session.deliver(envelope(BOB), [HEAD, BODY])
    assert len(exim.bodies()) - before == (1 if stop_on else 2)


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("size", [10, 500_000])
def test_all_are_refused_and_the_session_goes_on(exim, chunking, size):
    before = len(exim.bodies())
    with opened(exim, chunking=chunking) as session:
        for _ in range(2):
            with failing(ServerError, 161) as caught:
                session.deliver(envelope(NOBODY), [HEAD, b"x" * size + b"\r\n"])
            assert caught.value.refused[NOBODY].code == 550
        assert session.deliver(envelope(BOB), [HEAD, BODY]).accepted == (BOB,)
    assert len(exim.bodies()) - before == 1


@pytest.mark.proves("verify", "expand")
def test_who_is_known_and_who_is_on_a_list(exim):
    with opened(exim) as session:
        assert session.verify(ALICE).code == 250
        with failing(ServerError, 161):
            session.verify(NOBODY)
        assert session.expand("staff@open.example") == (f"<{ALICE}>", f"<{BOB}>")
        with failing(ServerError, 161):
            session.expand("nobody@open.example")
        session.deliver(envelope(BOB), [HEAD, BODY])
