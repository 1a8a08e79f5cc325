"""A mail encrypted to one of many keys: what each kind of file costs, first and later.

    TMPDIR=/dev/shm python benchmarks/keyrings.py [rounds]

`first` has the keyring opened and made ready too, in a process that has sent mail before; `later`
is the median of the mails after it. `bare gpg` is one process with the keybox and the least options
that do the job, the best that a script can have: it has made the keybox before.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gpgmail import Draft, Mailer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.support import many

COUNTS = (20, 1_000, 10_000)
ROUNDS = 5
LATER = 15
PACKED = 2.0  # seconds in which a ring becomes a keybox beside the work
FILES = ("keys.kbx", "keys.gpg", "keys.asc", "legacy")


def main() -> None:
    """Measure every kind of file with every number of keys, and print a line for each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(f"{'keys':<8}{'in':<10}{'first ms':>10}{'later ms':>10}{'bare gpg ms':>13}{'ratio':>8}")
    for count in COUNTS:
        with tempfile.TemporaryDirectory(prefix="gb-") as scratch:
            directory = Path(scratch)
            _write(directory, count)
            _first(directory / "keys.gpg", 0)
            bare = statistics.median(_bare(directory, count) for _ in range(LATER))
            for name in FILES:
                file = directory / name
                first = statistics.median(_first(file, count - 1) for _ in range(rounds))
                later = _later(file, count)
                numbers = f"{first:>10.1f}{later:>10.1f}{bare:>13.1f}{later / bare:>8.2f}"
                print(f"{count:<8}{name:<10}{numbers}")


def _write(directory: Path, count: int) -> None:
    """Write the same keys as a keybox, an export, armor, and a legacy directory."""
    many.write(directory, count)
    blobs = subprocess.run(
        ["kbxutil", "--import-openpgp", directory / "keys.gpg"], check=True, capture_output=True
    )
    empty = directory / "home"
    empty.mkdir(mode=0o700)
    keybox = directory / "keys.kbx"
    subprocess.run(  # gpg makes the keybox with its first blob, and kbxutil has the others
        ["gpg", "--homedir", empty, "--no-default-keyring", "--keyring", keybox, "--list-keys"],
        check=True,
        capture_output=True,
    )
    keybox.write_bytes(keybox.read_bytes() + blobs.stdout)


def _draft(number: int) -> Draft:
    address = many.address(number)
    return Draft(from_="sender@example.org", to=address, subject="keys", text="x" * 1000)


def _first(file: Path, number: int) -> float:
    """Return the milliseconds of opening a keyring and encrypting to a key of it."""
    began = time.perf_counter()
    with Mailer(None, keyring=file, trust="always") as mailer:
        mailer.write(_draft(number), encrypt=True)
        return (time.perf_counter() - began) * 1000


def _later(file: Path, count: int) -> float:
    """Return the milliseconds of a mail once the keyring is warm, to another key each time."""
    with Mailer(None, keyring=file, trust="always") as mailer:
        mailer.write(_draft(0), encrypt=True)
        time.sleep(PACKED)
        took = []
        for number in range(1, LATER + 1):
            began = time.perf_counter()
            mailer.write(_draft(count - number), encrypt=True)
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _bare(directory: Path, count: int) -> float:
    command = ["gpg", "--homedir", directory / "home", "--batch", "--trust-model", "always"]
    command += ["--no-default-keyring", "--keyring", directory / "keys.kbx", "--armor", "--encrypt"]
    began = time.perf_counter()
    subprocess.run(
        [*command, "-r", many.address(count - 1)],
        input=b"x" * 1000,
        check=True,
        capture_output=True,
    )
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
