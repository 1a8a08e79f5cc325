"""What `gpgmail-sendmail` costs from start to exit, beside gpg and an SMTP dialogue alone.

    python benchmarks/sendmail.py [rounds]

One mail of 1 kB goes to a server on loopback that takes everything. What cannot be saved is one
process of `gpg --sign --encrypt`, and the same dialogue by a bare socket. What is above them is
Python's start, loading, finding the keys and the checks of the result. All take turns; printed are
medians and best times, and the least that the processor worked, which says more where others use
the machine. The limit is for the best time.
"""

from __future__ import annotations

import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gpgmail
from gpgmail.testing import ThrowawayHome
from gpgmail.testing.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 20
LIMIT = 250  # ms
OURS = "gpgmail-sendmail, sign and encrypt"
ADDRESS = "bench@example.org"
MAIL = (
    f"From: {ADDRESS}\nTo: {ADDRESS}\nSubject: Benchmark\nMIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=utf-8\n\n"
).encode() + b"0123456789abcde\n" * 64
COMMAND = [sys.executable, "-c", "from gpgmail.cli.sendmail import main; main()"]


def main() -> int:
    """Let them take turns, print the table, and return 1 if the limit is passed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with (
        tempfile.TemporaryDirectory() as place,
        ThrowawayHome() as home,
        ScriptedServer() as server,
    ):
        key = home.make_key(f"Bench <{ADDRESS}>")
        env = _environment(Path(place), home.path, server.port)
        contenders: dict[str, Callable[[], object]] = {
            "python -c pass": lambda: _run([sys.executable, "-c", "pass"], env),
            "gpg": lambda: _run(_gpg(home.path, key), env),
            "SMTP": lambda: _talk(server.port),
            OURS: lambda: _run([*COMMAND, "-i", ADDRESS], env),
        }
        times = _times(contenders, rounds)
    return _report(times)


def _environment(place: Path, home: Path, port: int) -> dict[str, str]:
    config = place / "config.toml"
    config.write_text(
        f'[account.it]\nserver = "smtp://127.0.0.1:{port}"\nkeyring = "{home}"\n'
        'sign = true\nencrypt = "require"\n'
    )
    config.chmod(0o600)
    found = {name: value for name, value in os.environ.items() if "BYTECODE" not in name}
    return {
        **found,
        "GPGMAIL_CONFIG": str(config),
        "PYTHONPATH": str(Path(gpgmail.__file__).resolve().parents[1]),
        "PYTHONPYCACHEPREFIX": str(place / "compiled"),  # as installed packages are
    }


def _gpg(home: Path, key: str) -> list[str]:
    bare = ["gpg", "--homedir", str(home), "--batch", "--trust-model", "always", "--armor"]
    return [*bare, "-u", key, "-r", key, "--sign", "--encrypt"]


def _run(command: list[str], env: dict[str, str]) -> None:
    subprocess.run(command, input=MAIL, env=env, capture_output=True, check=True)


def _talk(port: int) -> None:
    body = MAIL.replace(b"\n", b"\r\n")
    lines = (
        b"EHLO x\r\n",
        b"MAIL FROM:<%b>\r\n" % ADDRESS.encode(),
        b"RCPT TO:<%b>\r\n" % ADDRESS.encode(),
        b"DATA\r\n",
        body + b".\r\n",
        b"QUIT\r\n",
    )
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.recv(4096)
        for line in lines:
            sock.sendall(line)
            sock.recv(4096)


def _worked() -> float:
    """Return the seconds that processes of this one worked."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _times(
    contenders: dict[str, Callable[[], object]], rounds: int
) -> dict[str, list[tuple[float, float]]]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, call in contenders.items():
            started, before = time.perf_counter(), _worked()
            call()
            if number:  # the first one compiles
                took, worked = time.perf_counter() - started, _worked() - before
                times[name].append((took * 1000, worked * 1000))
    return times


def _report(times: dict[str, list[tuple[float, float]]]) -> int:
    print(f"{'1 kB, from start to exit':<38}{'ms':>8}{'best':>8}{'worked':>8}")
    best: dict[str, float] = {}
    for name, own in times.items():
        took, worked = zip(*own, strict=True)
        best[name] = min(took)
        print(f"{name:<38}{statistics.median(took):>8.1f}{min(took):>8.1f}{min(worked):>8.1f}")
    above = best[OURS] - best["gpg"] - best["SMTP"]
    print(f"{'above gpg and SMTP':<46}{above:>8.1f}")
    print(f"the limit is {LIMIT} ms")
    return int(above > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
