"""Written conversations: however a server's replies come in, a session makes the same of them.

The conversations are in `replay/`, their form in `tests/servers/replay.py`. Each is played with the
server's replies whole, line by line and byte by byte, and once more to a client that takes in one
byte at a time. An action is a call of the session; its result is one line.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpgmail.core.config import configure
from gpgmail.core.envelope import Envelope, Recipient, RecipientType
from gpgmail.core.errors import GpgmailError
from gpgmail.core.events import ConnectionStatus, PITrail
from gpgmail.core.run import Run
from gpgmail.transport import wire
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session
from tests.servers.replay import Pieces, Replay, Script, scripts
from tests.transport.support import Ears

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILES = sorted((Path(__file__).parent / "replay").glob("*.txt"))
SCRIPTS = [script for file in FILES for script in scripts(file)]

CONTENTS = {
    "short": b"Subject: one\r\n\r\ntext\r\n",
    "dots": b".\r\n..\r\n.x\r\na.b\r\n\r\n.\r\n",
    "open": b"Subject: one\r\n\r\nno end of line",
    "empty": b"",
    "8bit": "Subject: one\r\n\r\ngrüße\r\n".encode(),
}
KINDS = {kind.name.lower(): kind for kind in RecipientType}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a conversation, for the caller and for those who listen."""

    results: list[str]
    trail: list[tuple[int, str]]
    ends: list[tuple[str, int]]
    last_reply: str
    connected: bool


def deliver(session, words):
    """`deliver [name=value …] type:address[,options] …`"""
    named = dict(word.split("=", 1) for word in words if ":" not in word)
    content = CONTENTS[named.get("content", "short")]
    recipients = []
    for word in words:
        if ":" in word:
            kind, _, rest = word.partition(":")
            address, _, options = rest.partition(",")
            recipients.append(
                Recipient(address, recipient_type=KINDS[kind], options=options.replace("_", " "))
            )
    done = session.deliver(
        Envelope("a@example.org", tuple(recipients)),
        [content],
        size=len(content) if "size" in named else None,
        needs_8bit=not content.isascii(),
        stop_on=[KINDS[kind] for kind in named.get("stop", "").split(",") if kind],
        verb=named.get("verb", "MAIL"),
    )
    refused = [f"{address} refused {reply}" for address, reply in done.refused.items()]
    return "; ".join([str(done.final), *done.accepted, *refused])


ACTIONS: Mapping[str, Callable[[Session, list[str]], object]] = {
    "deliver": deliver,
    "verify": lambda session, words: session.verify(" ".join(words)),
    "expand": lambda session, words: "; ".join(session.expand(" ".join(words))),
    "command": lambda session, words: session.command(" ".join(words)),
    "reset": lambda session, _: session.reset(),
    "close": lambda session, _: session.close(),
}


def result(call):
    """What a call returned, or the error that it raised, as one line."""
    try:
        return str(call())
    except GpgmailError as error:
        reply = getattr(error, "reply", None)
        words = [error.code.family, str(error.code.number), error.retry.value]
        refused = [f"{who} refused {said}" for who, said in getattr(error, "refused", {}).items()]
        return "; ".join([" ".join([*words, *([str(reply)] if reply else [])]), *refused])


def play(script: Script, pieces: Pieces) -> tuple[Outcome, str]:
    """Play both sides; return what came of it, and what the client did wrong."""
    ears, results = Ears(), []
    with Replay(script, pieces) as server:
        options = TransportOptions(
            mail_server=server.host, mail_port=server.port, hello="me.example"
        )
        for name, value in script.rows.items():
            if name in {"user", "password", "ssl_start_mode", "allow_extensions"}:
                kind = type(getattr(options, name))
                setattr(options, name, value == "True" if kind is bool else kind(value))
            else:
                configure(options, f"{name}={value}")
        opened = []
        failed = result(lambda: opened.append(Session.open(options, Run(emit=ears, timeout=10))))
        if not opened:
            results.append(failed)
        for session in opened:
            for action in script.actions:
                name, *words = action.split(" ")
                results.append(result(lambda: ACTIONS[name](session, words)))  # noqa: B023
            session.close()
    trail = [
        (event.direction, event.message.replace(f":{server.port}", ""))
        for event in ears.of(PITrail)
    ]
    ends = [(event.connection_event, event.status_code) for event in ears.of(ConnectionStatus)]
    last = str(opened[0].last_reply) if opened else ""
    connected = bool(opened) and opened[0].connected
    return Outcome(results, trail, ends, last, connected), server.fault


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.title for script in SCRIPTS])
def test_however_the_replies_come_the_outcome_is_the_same(script, monkeypatch):
    whole, fault = play(script, Pieces.WHOLE)
    assert fault == ""
    assert whole.results == script.results
    assert not whole.connected
    for pieces in (Pieces.LINES, Pieces.BYTES):
        assert play(script, pieces) == (whole, "")
    monkeypatch.setattr(wire, "_RECEIVE", 1)
    assert play(script, Pieces.WHOLE) == (whole, "")


# ------------------------------------------------------------------- that the suite itself can fail

HELLO = [("S", b"220 mx\r\n"), ("C", b"EHLO me.example\r\n"), ("S", b"250 mx\r\n")]
BYE = [("C", b"QUIT\r\n"), ("S", b"221 bye\r\n")]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([*HELLO, *BYE], ""),
        ([HELLO[0], ("C", b"EHLO you.example\r\n")], "got b'EHLO me.example"),
        ([*HELLO, ("C", b"NOOP\r\n")], "expected b'NOOP"),
        ([*HELLO, BYE[0], ("S", b"221 bye\r\n"), ("C", b"QUIT\r\n")], "the client left"),
        (HELLO, "after the end came b'QUIT"),
    ],
)
def test_a_client_that_says_something_else_is_at_fault(steps, fault):
    assert fault in play(Script("", steps=steps), Pieces.WHOLE)[1]
    assert bool(fault) == bool(play(Script("", steps=steps), Pieces.BYTES)[1])


def test_a_client_that_says_two_things_at_once_is_at_fault():
    script = Script("", steps=[*HELLO, ("C", b"EHLO me.example\r\n"), ("S", b"250 x\r\n")])
    with (
        Replay(script, Pieces.WHOLE) as server,
        socket.create_connection((server.host, server.port)) as sock,
    ):
        sock.sendall(b"EHLO me.example\r\nEHLO me.example\r\n")
        sock.recv(100)
    assert "before its answer came" in server.fault


def test_each_reply_comes_in_the_pieces_that_its_name_says():
    reply = b"250-a\r\n250 b\r\n"
    assert Pieces.WHOLE.of(reply) == [reply]
    assert Pieces.LINES.of(reply) == [b"250-a\r\n", b"250 b\r\n"]
    assert Pieces.BYTES.of(reply) == [bytes([byte]) for byte in reply]


def test_there_are_enough_of_them_and_all_can_be_read(tmp_path):
    assert len(SCRIPTS) >= 30
    assert len({script.title for script in SCRIPTS}) == len(SCRIPTS)
    assert all(script.results for script in SCRIPTS)
    broken = tmp_path / "x.txt"
    broken.write_text("=== x\nQ: y\n")
    with pytest.raises(ValueError, match=r"x\.txt:2"):
        list(scripts(broken))
