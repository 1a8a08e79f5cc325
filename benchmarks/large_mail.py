"""A large attachment signed, encrypted and sent: peak memory of our process, and the time it takes.

    TMPDIR=/dev/shm python benchmarks/large_mail.py [MiB ...]

The mail goes from a file through `Mailer` to a server that throws it away, in a process of its own
whose peak RSS (VmHWM) is printed, once by each engine. Beside it: bare gpg with the same keys,
`gpg -se --armor < file`. Figures of gpg's own processes are not in the RSS column, as they are not
in that of any peer.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from gpgmail.crypto.engines import ENGINES
from gpgmail.testing import ThrowawayHome

SIZES = (8, 64)
MIB = 1 << 20
CHILD = """
import sys
from pathlib import Path
from gpgmail import Attachment, Draft, Keyring, Mailer

url, home, user, file, engine = sys.argv[1:]
draft = Draft(from_=user, to=user, subject="large", text="large", attachments=(
    Attachment(source=Path(file)),))
with Keyring.open(home) as keyring, Mailer(
    url, keyring=keyring, engine=engine
) as mailer:
    mailer.send(draft, sign=True, encrypt=True)
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith("VmHWM"):
        print(int(line.split()[1]) // 1024)
"""


def main() -> None:
    """Send a mail of each size and print what it cost."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    user = "bench@example.org"
    with ThrowawayHome() as home, tempfile.TemporaryDirectory() as directory:
        fingerprint = home.make_key(user)
        url = f"smtp://127.0.0.1:{_serve()}"
        print(f"{'attachment':<14}{'engine':<8}{'gpg s':>8}{'ours s':>8}{'ratio':>8}{'RSS MiB':>9}")
        for size in sizes:
            file = Path(directory, "data")
            _fill(file, size)
            bare = _timed(lambda file=file: _bare(home.path, fingerprint, file))
            for engine in ENGINES:
                started = time.perf_counter()
                peak = subprocess.run(
                    [sys.executable, "-c", CHILD, url, home.path, user, file, engine],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.strip()
                ours = time.perf_counter() - started
                row = f"{size:>4} MiB      {engine:<8}{bare:>8.2f}{ours:>8.2f}"
                print(f"{row}{ours / bare:>8.2f}{peak:>9}")


def _fill(file: Path, size: int) -> None:
    """Write half random, half repeated data, so that compression has something to do."""
    with Path("/dev/urandom").open("rb") as random, file.open("wb") as out:
        for _ in range(size * 2):
            out.write(random.read(MIB // 4) + bytes(MIB // 4))


def _timed(call: object) -> float:
    started = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - started


def _bare(home: Path, fingerprint: str, file: Path) -> None:
    command = ["gpg", "--homedir", str(home), "--batch", "--trust-model", "always", "--armor"]
    command += ["-u", fingerprint, "-r", fingerprint, "--sign", "--encrypt"]
    with file.open("rb") as data:
        subprocess.run(
            command, stdin=data, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )


def _serve() -> int:
    """Start a server that takes every mail and keeps none; return its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def _converse(connection: socket.socket) -> None:
    connection.sendall(b"220 discards\r\n")
    tail = b""
    in_data = False
    while data := connection.recv(1 << 18):
        tail = (tail + data)[-5:] if in_data else tail + data
        if in_data and tail == b"\r\n.\r\n":
            connection.sendall(b"250 discarded\r\n")
            in_data, tail = False, b""
        elif not in_data and tail.endswith(b"\r\n"):
            in_data = tail[:4].upper() == b"DATA"
            connection.sendall(b"354 go on\r\n" if in_data else b"250 ok\r\n")
            tail = b""


if __name__ == "__main__":
    main()
