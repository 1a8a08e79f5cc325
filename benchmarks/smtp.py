"""Mails over one warm connection: how many a second, and how often each waits for the server.

    python benchmarks/smtp.py [mails]

Ours and smtplib's take turns with a server that throws everything away, in a process of its own, on
loopback. Its second run answers each write 20 ms late: what a mail takes then, in units of that, is
how often it waited. The ratio is ours to smtplib's of the same round.
"""

from __future__ import annotations

import multiprocessing
import smtplib
import socket
import statistics
import sys
import time
from typing import TYPE_CHECKING

from gpgmail.core.envelope import Envelope, Recipient
from gpgmail.core.run import Run
from gpgmail.transport.options import TransportOptions
from gpgmail.transport.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

ROUNDS = 7
MAILS = 500
FAR = 0.02  # seconds
CONTENT = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 14  # about a kilobyte
OFFERS = {
    "lockstep": b"250 SIZE\r\n",
    "PIPELINING": b"250-SIZE\r\n250 PIPELINING\r\n",
    "PIPELINING, CHUNKING": b"250-SIZE\r\n250-CHUNKING\r\n250 PIPELINING\r\n",
}


def main() -> None:
    """Measure each kind of server and number of recipients, and print a line for each."""
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else MAILS
    print(
        f"{'the server offers':<24}{'to':>4}{'smtplib/s':>11}{'ours/s':>9}{'ratio':>7}"
        f"{'waits: smtplib':>17}{'ours':>6}"
    )
    for name, offer in OFFERS.items():
        for recipients in (1, 10):
            rates, ratio = _rates(offer, recipients, mails)
            theirs, ours = _waits(offer, recipients)
            print(
                f"{name:<24}{recipients:>4}{rates[0]:>11.0f}{rates[1]:>9.0f}{ratio:>7.2f}"
                f"{theirs:>17.1f}{ours:>6.1f}"
            )


def _rates(offer: bytes, recipients: int, mails: int) -> tuple[tuple[float, float], float]:
    """Return the mails a second of smtplib's and ours, medians of the rounds, and of the ratios."""
    rounds = [
        [mails / _timed(way, offer, recipients, mails) for way in (_theirs, _ours)]
        for _ in range(ROUNDS)
    ]
    ratio = statistics.median(ours / theirs for theirs, ours in rounds)
    return (_median(rounds, 0), _median(rounds, 1)), ratio


def _median(rounds: list[list[float]], position: int) -> float:
    return statistics.median(each[position] for each in rounds)


def _waits(offer: bytes, recipients: int) -> tuple[float, float]:
    mails = 5
    theirs, ours = (
        _timed(way, offer, recipients, mails, FAR) / mails / FAR for way in (_theirs, _ours)
    )
    return theirs, ours


def _timed(
    way: Callable[[int, list[str], int], float],
    offer: bytes,
    recipients: int,
    mails: int,
    delay: float = 0,
) -> float:
    """Return the seconds that *mails* took, connecting left out."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(there, offer, delay), daemon=True)
    server.start()
    try:
        return way(here.recv(), [f"r{n}@example.org" for n in range(recipients)], mails)
    finally:
        server.join(5)


def _theirs(port: int, recipients: list[str], mails: int) -> float:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="me.example") as client:
        client.ehlo()
        started = time.perf_counter()
        for _ in range(mails):
            client.sendmail("a@example.org", recipients, CONTENT)
        return time.perf_counter() - started


def _ours(port: int, recipients: list[str], mails: int) -> float:
    options = TransportOptions(
        mail_server="127.0.0.1", mail_port=port, hello="me.example", tcp_no_delay=True
    )
    envelope = Envelope("a@example.org", tuple(map(Recipient, recipients)))
    with Session.open(options, Run()) as session:
        started = time.perf_counter()
        for _ in range(mails):
            session.deliver(envelope, [CONTENT], size=len(CONTENT))
        return time.perf_counter() - started


def _serve(there: Connection, offer: bytes, delay: float) -> None:
    """Take every mail of one connection and keep none."""
    listener = socket.create_server(("127.0.0.1", 0))
    there.send(listener.getsockname()[1])
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 discards\r\n")
    data, within = b"", False
    while more := connection.recv(1 << 18):
        data, within, answers = _answered(data + more, within, offer)
        if answers:
            time.sleep(delay)
            connection.sendall(answers)


def _answered(data: bytes, within: bool, offer: bytes) -> tuple[bytes, bool, bytes]:  # noqa: FBT001
    """Return what is left of *data*, whether that is content, and the answers to the rest."""
    answers = b""
    while True:
        end = b"\r\n.\r\n" if within else b"\r\n"
        line, found, rest = data.partition(end)
        verb = line[:4].upper()
        if verb == b"BDAT" and found and not within:
            size = int(line.split()[1])
            found, rest = rest[size - 1 : size], rest[size:]
        if not found:
            return data, within, answers
        data, within = rest, verb == b"DATA" and not within
        said = {b"DATA": b"354 go on\r\n", b"EHLO": offer, b"QUIT": b"221 bye\r\n"}
        answers += said.get(verb if end == b"\r\n" else b"", b"250 ok\r\n")


if __name__ == "__main__":
    main()
