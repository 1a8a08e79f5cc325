"""mutt and NeoMutt on a terminal: their settings, a mailbox with one mail, and what they send.

Everything that is asked of a person is answered by settings, or by keys typed when the question is
on the screen. What is sent goes to a file; what is shown goes through an external pager to another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.interop.running import on_terminal
from tests.interop.seen import CannotReadError
from tests.servers.unpacked import environment, program, tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SETTINGS = """\
set folder="{0}"
set spoolfile="{0}/in"
set mbox_type=Maildir
set record=""
set postponed="{0}/postponed"
set header_cache=""
set tmpdir="{0}"
set pager="{0}/pager"
set sendmail="{0}/sendmail"
set sendmail_wait=0
set editor=true
set autoedit=yes
set fast_reply=yes
set abort_unmodified=no
set move=no
set quit=yes
set wait_key=no
set prompt_after=no
set beep=no
set sleep_time=0
set charset=utf-8
set pgp_auto_decode=yes
set crypt_verify_sig=yes
set crypt_use_gpgme={1}
"""
_SCRIPT = '#!/bin/sh\ncat {1} >"{0}"\n'
# Asked where the clock moved on by a second between the text and the look at its date.
_WHENEVER = {b"Update encoding for": b"y"}


class Window:
    """One of both on a terminal, with its settings, mails and temporary files in a directory."""

    def __init__(self, name: str, home: Path, directory: Path, *, gpgme: bool) -> None:
        """Prepare the settings; *home* is a gpg home.

        Raises: ServerUnavailableError when the program was not fetched.
        """
        self._program = program(f"usr/bin/{name}")
        self._directory = directory
        self._env = environment(
            HOME=str(directory), GNUPGHOME=str(home), TERM="vt100", LINES="50", COLUMNS="200"
        )
        for folder in ("cur", "new", "tmp"):
            (directory / "in" / folder).mkdir(parents=True)
        for script, source in (("pager", '"$@"'), ("sendmail", "")):
            path = directory / script
            path.write_text(_SCRIPT.format(directory / f"{script}.out", source))
            path.chmod(0o700)
        settings = _commands(name) + _SETTINGS.format(directory, "yes" if gpgme else "no")
        (directory / "rc").write_text(settings)

    def set(self, **settings: str) -> None:
        """More settings."""
        with (self._directory / "rc").open("a") as file:
            file.writelines(f'set {name}="{value}"\n' for name, value in settings.items())

    def deliver(self, mail: bytes) -> None:
        """Put a mail into the mailbox, as a server would: with the line ends of the system."""
        (self._directory / "in" / "cur" / "1.mail:2,S").write_bytes(mail.replace(b"\r\n", b"\n"))

    def push(self, keys: str) -> None:
        """Start it, with these keys already typed, and let it end."""
        self._start("-e", f'push "{keys}"')

    def compose(self, *arguments: str | Path, answers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Write a mail; return what it sends."""
        screen = self._start(*arguments, answers=answers)
        sent = self._directory / "sendmail.out"
        if not sent.exists():
            raise CannotReadError(f"nothing was sent: {screen[-500:]!r}")
        return sent.read_bytes()

    def shown(self) -> str:
        """What the pager got."""
        file = self._directory / "pager.out"
        if not file.exists():
            raise CannotReadError("it shows nothing")
        return file.read_text(errors="replace")

    def save(self, name: str) -> bytes:
        """The attachment of that name, saved by a person's keys."""
        target = self._directory / "saved"
        target.unlink(missing_ok=True)
        pattern = re.sub(r"[^A-Za-z0-9]", ".", name)  # what means nothing to a regular expression
        find = f"<first-entry><search>{pattern}<enter>"
        save = f"<save-entry><kill-line>{target}<enter>"
        self.push(f"<view-attachments>{find}{save}<exit><exit>")
        if not target.exists():
            raise CannotReadError(f"{name} cannot be saved")
        return target.read_bytes()

    def _start(self, *arguments: str | Path, answers: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
        command = (self._program, "-n", "-F", self._directory / "rc", *arguments)
        try:
            return on_terminal(command, self._env, self._directory, answers, whenever=_WHENEVER)
        except TimeoutError as error:
            raise CannotReadError(str(error)) from error


def _commands(name: str) -> str:
    """How Debian's mutt calls gpg, with the helper program where the tree has it."""
    path = {"mutt": "etc/Muttrc.d/gpg.rc", "neomutt": "etc/neomuttrc.d/gpg.rc"}[name]
    text = (tree() / path).read_text()
    return re.sub(r"/usr/lib\S*/pgpewrap", lambda found: f"{tree()}{found[0]}", text) + "\n"
