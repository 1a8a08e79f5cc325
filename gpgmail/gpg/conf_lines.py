"""The lines of a gpg.conf, and which of them nothing can be sent with.

gpg 2.2 warns of a line that it does not know and goes on without it, gpg 2.4 ends; neither is right
where the line was to protect somebody. Which line it is gpg says for some mistakes alone, so the
others are looked for by giving it one line at a time.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import shown
from gpgmail.gpg.binary import find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gpgmail.core.errors import GpgmailError

_LIMIT = 10.0  # seconds that gpg may take to read its options
_NAMED = re.compile(r"^(?:gpg: )?(?:NOTE: )?(?P<file>/.*):(?P<number>\d+): (?P<why>.*)$")
_HARMLESS = re.compile("obsolete|deprecated")
_ANOTHER_GPG = "correct it, or keep it for the gpg that knows it in a gpg.conf-VERSION"
_ADDS = "adds a recipient to every message whatever its plan says"
_SECRET = "would be tried in place of the passphrase that is given"  # noqa: S105 - no secret
_UNSAFE = "takes the integrity protection from every message"
_WORDS = "takes away what gpg says, or puts it into the message"
_OF_MESSAGES = "use encrypt-to or hidden-encrypt-to"
_OF_CALLS = "give it as passphrase=, --passphrase-file or KeyPassphrase"

# Why an option cannot stand in a gpg.conf that messages are made with, and what to do instead.
REFUSED = {
    "recipient": (_ADDS, _OF_MESSAGES),
    "hidden-recipient": (_ADDS, _OF_MESSAGES),
    "recipient-file": (_ADDS, _OF_MESSAGES),
    "hidden-recipient-file": (_ADDS, _OF_MESSAGES),
    "passphrase": (_SECRET, _OF_CALLS),
    "passphrase-file": (_SECRET, _OF_CALLS),
    "passphrase-fd": ("takes the message for a passphrase", _OF_CALLS),
    "logger-fd": (_WORDS, "take it out"),
    "logger-file": (_WORDS, "take it out"),
    "dry-run": ("makes nothing", "take it out"),
    "rfc2440": (_UNSAFE, "use rfc4880"),
    "compliance rfc2440": (_UNSAFE, "use rfc4880"),
    "digest-algo md5": ("makes signatures that gpg itself rejects", "use SHA256"),
    "request-origin": ("keeps gpg from its secret keys", "take it out"),
}


class Line(NamedTuple):
    """An option and its argument, and where it stands."""

    path: Path
    number: int
    name: str
    value: str

    def error(self, detail: str, hint: str) -> GpgmailError:
        """Return the error for this line."""
        return _error(shown(self.path), self.number, detail, hint)


def lines(files: Iterable[Path]) -> list[Line]:
    """Return the options of *files*; their order is gpg's.

    Raises:
        OSError: If a file cannot be read.
    """
    return [line for path in files for line in _lines(path)]


def _lines(path: Path) -> Iterator[Line]:
    for number, text in enumerate(path.read_text("utf-8", "replace").split("\n"), 1):
        name, _, value = text.strip().partition(" ")
        name, _, rest = name.partition("\t")
        if name and not name.startswith("#"):
            value = f"{rest} {value}".strip().removeprefix('"').removesuffix('"')
            yield Line(path, number, name, value)


def check(options: Sequence[Line], home: Path, file: Path) -> None:
    """Let nothing be done under options that gpg does not take, or that break what is made.

    *file* is the last of those that gpg reads in *home*.

    Raises:
        UsageError: With the file and the line (code 24).
    """
    for line in options:
        known = REFUSED.get(line.name) or REFUSED.get(f"{line.name} {line.value}".lower())
        if known is not None:
            why, hint = known
            raise line.error(f"{line.name} {why}", hint)
    said, failed = _tried(home, str(file))
    for text in said:
        named = _NAMED.match(text)
        if named and not _HARMLESS.search(named["why"]):
            number = int(named["number"])
            name = next((one.name for one in options if one.number == number), "")
            why = f"{name}: {named['why']}" if name else named["why"]
            raise _error(named["file"], number, why, _ANOTHER_GPG)
    if failed:
        raise _culprit(options, home) or _error(shown(file), 0, "; ".join(said), "correct it")


def _culprit(options: Iterable[Line], home: Path) -> GpgmailError | None:
    """Return the error for the first line that gpg does not even take alone."""
    for line in options:
        read, write = os.pipe()
        try:
            with os.fdopen(write, "w", encoding="utf-8") as alone:
                alone.write(f"{line.name} {line.value}\n")
            said, failed = _tried(home, f"/dev/fd/{read}", read)
        finally:
            os.close(read)
        if failed:
            told = "; ".join(text.removeprefix("gpg: ") for text in said)
            return line.error(f"{line.name} {line.value}: {told}", _ANOTHER_GPG)
    return None


def _tried(home: Path, file: str, *descriptors: int) -> tuple[list[str], bool]:
    """Let gpg read a file of options and do nothing; return its words, and whether it failed."""
    command = [find().path, "--homedir", str(home), "--options", file, "--batch", "--gpgconf-test"]
    ran = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=descriptors,
        timeout=_LIMIT,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return ran.stderr.decode("utf-8", "replace").splitlines(), bool(ran.returncode)


def _error(path: str, number: int, detail: str, hint: str) -> GpgmailError:
    where = f"{path}, line {number}" if number else path
    return Situation.BAD_CONFIG.error(detail, subject=where, hint=hint)
