"""A card in a program: what gpg-agent starts as its scdaemon, with one Ed25519 key and a PIN.

It speaks the part of scdaemon's protocol that signing needs (gnupg, doc/scdaemon.texi), counts
wrong PINs as a card does, and keeps what it was told, PINs included.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERIAL = "D2760001240102010006012345670000"
PIN = "123456"
TRIES = 3
_SECRET = re.compile(r"\(d\s+#([0-9A-F\s]*)#\s*\)")
_PROGRAM = """\
#!{python}
import sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex({secret!r}))
told = Path({told!r})
data = b""

def say(line):
    print(line, flush=True)

def hear():
    line = sys.stdin.readline().rstrip("\\n")
    with told.open("a") as file:
        file.write(line + "\\n")
    return line

def sign():
    if told.read_text().count("WRONG") >= {tries}:
        return say("ERR 100663426 PIN blocked <SCD>")
    say("INQUIRE NEEDPIN ||Please unlock the card")
    given = ""
    while (line := hear()).startswith("D "):
        given += line[2:].replace("%00", "").rstrip("\\0 ")
    if line != "END":
        return say("ERR 100663395 Operation cancelled <SCD>")
    if given != {pin!r}:
        with told.open("a") as file:
            file.write("WRONG\\n")
        return say("ERR 100663383 Bad PIN <SCD>")
    escaped = b"".join(
        b"%%%02X" % byte if byte in b"%\\r\\n" else bytes((byte,)) for byte in key.sign(data)
    )
    sys.stdout.buffer.write(b"D " + escaped + b"\\n")
    say("OK")

say("OK a card")
while line := hear():
    word, _, rest = line.partition(" ")
    if word == "SERIALNO":
        say("S SERIALNO {serial}")
    if word == "SETDATA":
        data = bytes.fromhex(rest)
        if len(data) in (51, 83):  # SHA-256 or SHA-512 behind the DigestInfo of PKCS #1
            data = data[19:]
    if word == "PKSIGN":
        sign()
    elif word == "GETINFO":
        say("ERR 100663356 Not supported <SCD>")
    else:
        say("OK")
    if word == "BYE":
        break
"""


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a home; `told` is every line that it heard."""

    log: Path

    @property
    def told(self) -> list[str]:
        """Every line, and WRONG after a wrong PIN."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def wrong(self) -> int:
        """How many wrong PINs it counted."""
        return self.told.count("WRONG")


def move_to_card(home: Path, directory: Path, keygrip: str) -> Card:
    """Move an unprotected Ed25519 key to a card that the home's agent finds."""
    path = home / "private-keys-v1.d" / f"{keygrip}.key"
    text = path.read_text()
    secret = "".join(_SECRET.search(text)[1].split())
    stub = text.replace("(private-key", "(shadowed-private-key")
    path.write_text(_SECRET.sub(f"(shadowed t1-v1 (#{SERIAL}# OPENPGP.1))", stub))
    program, log = directory / "scdaemon", directory / "told"
    program.write_text(
        _PROGRAM.format(
            python=sys.executable,
            secret=secret,
            told=str(log),
            tries=TRIES,
            pin=PIN,
            serial=SERIAL,
        )
    )
    program.chmod(0o755)
    with (home / "gpg-agent.conf").open("a") as options:
        options.write(f"scdaemon-program {program}\n")
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
    return Card(log)
