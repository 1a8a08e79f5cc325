"""`Passphrase`: one that is kept outside of the program, and fetched when a key first wants it.

Whatever the source, a secret is its first line (files, descriptors and commands end with one), it
has a time limit, and an error says which source it was and what to do, never what came from it.
Here because fetching may start a program, which nothing but this room does.
"""

from __future__ import annotations

import os
import re
import select
import shlex
import stat
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Self

from gpgmail.core.aside import aside
from gpgmail.core.errors import TimeLimitError
from gpgmail.core.run import Run
from gpgmail.core.secret import Redactor, Secret
from gpgmail.core.situations import Situation
from gpgmail.gpg.process import Pipe, Process
from gpgmail.gpg.pump import Feeder, pump

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

LIMIT = 60.0  # seconds that a source may take
_LONGEST = 64 * 1024  # bytes that are looked at for the end of the first line
_WORDS_SHOWN = 300  # characters of a command's own words in an error
_OTHERS, _GROUP = 0o007, 0o070
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)|/dev/std(in)")

Fetch = Callable[[str, Run], Secret]


class SourceError(Exception):
    """Nothing came from a source: why, and what to do about it."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


class Passphrase:
    """A passphrase that is kept elsewhere; made by one of the `from_` methods.

    Taken wherever `passphrase=` is, also as a value of a mapping, and fetched at most once for each
    key that wants it: an unprotected key wants none. It never shows in `repr`.
    """

    __slots__ = ("_fetch", "_shown")

    def __init__(self, shown: str, fetch: Fetch) -> None:
        self._shown = shown
        self._fetch = fetch

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Return the passphrase that is the first line of a file, without its line end.

        A file of which the mode lets other users in is refused. Credentials of systemd
        (`LoadCredential=`), named pipes and `/dev/fd/N` work too.
        """
        name = os.fspath(path)
        return cls(name, lambda _, run: read_file(name, run))

    @classmethod
    def from_fd(cls, descriptor: int) -> Self:
        """Return the passphrase that is the next line on a descriptor; what follows stays there.

        It is read once, when it is first wanted, and the descriptor is left open.
        """
        kept: list[Secret] = []

        def fetch(_: str, run: Run) -> Secret:
            if not kept:
                kept.append(read_descriptor(descriptor, run))
            return kept[0]

        return cls(f"descriptor {descriptor}", fetch)

    @classmethod
    def from_command(
        cls, command: str | Sequence[str], *, shell: bool = False, timeout: float = LIMIT
    ) -> Self:
        """Return the passphrase that is the first line of what a command writes.

        A text is taken apart into words as a shell would, and run without one; with *shell* the
        shell gets it as it is. The command reads nothing, has a session of its own, and is ended
        with all that it started after *timeout* seconds. It must end with 0.

        Raises:
            UsageError: If the command is empty or has an open quote.
        """
        words = _words(command, shell=shell)
        if not words:
            raise Situation.BAD_VALUE.error(
                "cannot be taken apart into words", subject="passphrase command"
            )
        # Of the words only the program is shown: an argument may be a secret.
        shown = "shell command" if shell else f"command {PurePath(words[0]).name}"
        return cls(shown, lambda _, run: read_command(words, run, timeout))

    @classmethod
    def from_keyring(cls, service: str, name: str | None = None) -> Self:
        """Return the passphrase that the desktop's or system's keyring has for *service*.

        *name* is the entry's; without it each key has an entry named by its fingerprint, in upper
        case without blanks (`keyring set SERVICE FINGERPRINT`). Needs `gpgmail[keyring]`.
        """
        return cls(
            f"keyring entry {service} {name or ''}".rstrip(),
            lambda fingerprint, run: read_keyring(service, name or fingerprint, run),
        )

    def fetch(self, fingerprint: str = "", run: Run | None = None) -> Secret:
        """Return the passphrase; *fingerprint* is that of the primary key that wants it.

        Raises:
            PassphraseError: If the source gives nothing.
            Cancelled: If the caller asked to stop.
            UnsupportedError: If it needs an extra that is not installed.
        """
        try:
            return self._fetch(fingerprint, run or Run())
        except SourceError as failure:
            why, hint = failure.why, failure.hint
        raise Situation.PASSPHRASE.error(
            f"gives no passphrase: {why}", subject=self._shown, hint=hint
        )

    def __repr__(self) -> str:
        return f"<Passphrase from {self._shown}>"


def read_file(name: str, run: Run) -> Secret:
    """Return the first line of a file that nobody else can read.

    Raises:
        SourceError: If there is none, or others can.
    """
    inherited = _DESCRIPTOR.fullmatch(name)
    if inherited is not None:
        return read_descriptor(int(inherited[1] or 0), run)
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as failure:
        raise SourceError(failure.strerror or "cannot be opened") from None
    try:
        _require_private(os.fstat(opened), name)
        return _first_line(opened, run, at_once=4096)
    finally:
        os.close(opened)


def read_descriptor(descriptor: int, run: Run) -> Secret:
    """Return the next line; what follows it may be the text of a mail, and stays unread.

    Raises:
        SourceError: If there is none.
    """
    return _first_line(descriptor, run, at_once=1)


def read_command(words: Sequence[str], run: Run, timeout: float = LIMIT) -> Secret:
    """Return the first line that a program writes.

    Raises:
        SourceError: If there is none, or the program fails or does not end in time.
    """
    output, errors = bytearray(), bytearray()

    def take(data: bytes) -> None:
        output.extend(data)
        if len(output) > _LONGEST:
            raise SourceError(f"the command writes more than {_LONGEST} bytes")

    try:
        with _limited(run, timeout):
            code = _run(words, run, take, errors.extend)
        if not code:
            return _line(output)
        why = f"the command ended with {code}" if code > 0 else f"signal {-code} ended the command"
        said = _own_words(errors, output, run)
    except TimeLimitError:
        why, said = f"the command did not end within {timeout:g} s", ""
    except OSError as failure:
        why, said = failure.strerror or "the command does not start", ""
    finally:
        output.clear()  # a traceback may show what a frame holds
    raise SourceError(": ".join(filter(None, (why, said))))


def read_keyring(service: str, name: str, run: Run) -> Secret:
    """Return an entry of the keyring that the `keyring` package finds here.

    Raises:
        SourceError: If there is none, or the keyring stays locked.
        UnsupportedError: If the package is not installed.
    """
    try:
        import keyring
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        raise Situation.MISSING_EXTRA.error(
            "keyring is not installed", subject="keyring", hint="pip install 'gpgmail[keyring]'"
        ) from None
    try:
        # Aside: a locked Secret Service waits for a person, without an end.
        with _limited(run, LIMIT):
            found = aside(lambda: keyring.get_password(service, name), run, f"keyring {service}")
    except TimeLimitError:
        raise SourceError(f"the keyring did not answer within {LIMIT:g} s", "unlock it") from None
    except NoKeyringError:
        raise SourceError("there is no keyring here", "see `keyring --list-backends`") from None
    except KeyringError as failure:
        raise SourceError(f"the keyring says {failure}", "unlock it") from None
    if not found:
        entry = shlex.join((service, name))
        raise SourceError(f"the keyring has no entry {entry}", f"keyring set {entry}")
    return Secret(found)


def _words(command: str | Sequence[str], *, shell: bool) -> list[str]:
    """Return the words to run, none where there are none."""
    if not isinstance(command, str):
        return [] if shell else list(command)
    try:
        words = shlex.split(command) if not shell else command.split()
    except ValueError:
        return []
    return ["/bin/sh", "-c", command] if shell and words else words


def _limited(run: Run, seconds: float) -> AbstractContextManager[None]:
    return run.within(seconds, absolute=True)


def _run(
    words: Sequence[str],
    run: Run,
    take: Callable[[bytes], object],
    take_words: Callable[[bytes], object],
) -> int:
    stdin, stdout, stderr = Pipe(to_child=True), Pipe(to_child=False), Pipe(to_child=False)
    process = Process(words, standard=(stdin, stdout, stderr), environment=os.environ)
    try:
        pump(process, {stdout: take, stderr: take_words}, [Feeder(stdin, ())], run, words[0])
        return process.wait(run, words[0])
    finally:
        process.stop()


def _own_words(errors: bytearray, output: bytearray, run: Run) -> str:
    """Return the end of what a command said of itself, without anything that it gave."""
    given = Redactor()
    for line in output.decode("utf-8", "replace").splitlines():
        given.know(line)
        given.know(line.strip())
    said = errors.decode("utf-8", "replace").splitlines()
    text = "; ".join(line.strip() for line in said if line.strip())
    return given.clean(run.redactor.clean(text))[-_WORDS_SHOWN:]


def _require_private(found: os.stat_result, name: str) -> None:
    """Refuse what is no file, and a file that others can read.

    A group that somebody else gave us a file through is his decision: systemd hands credentials to
    a service's user by an access list, of which the mode shows the mask as the group's bits.
    """
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
        is_directory = stat.S_ISDIR(found.st_mode)
        raise SourceError("it is a directory" if is_directory else "it is not a file")
    ours = found.st_uid == os.geteuid()
    if found.st_mode & (_OTHERS | (_GROUP if ours else 0)):
        mode = stat.S_IMODE(found.st_mode)
        raise SourceError(
            f"other users can read or change it (mode {mode:04o})",
            f"chmod {'600' if ours else 'o-rwx'} {shlex.quote(name)}",
        )


def _first_line(descriptor: int, run: Run, *, at_once: int) -> Secret:
    taken = bytearray()
    try:
        with _limited(run, LIMIT):
            while b"\n" not in taken and _read_some(descriptor, taken, run, at_once):
                pass
        return _line(taken)
    except TimeLimitError:
        raise SourceError(f"nothing came within {LIMIT:g} s") from None
    except OSError as failure:
        raise SourceError(failure.strerror or "cannot be read") from None
    finally:
        taken.clear()  # a traceback may show what a frame holds


def _read_some(descriptor: int, taken: bytearray, run: Run, at_once: int) -> bool:
    """Wait for data and add it; tell whether there may be more."""
    if len(taken) >= _LONGEST:
        raise SourceError(f"its first line has more than {_LONGEST} bytes")
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not poll.poll(run.slice() * 1000):
        run.check("reading a secret")
    before = len(taken)
    try:
        taken += os.read(descriptor, at_once)
    except BlockingIOError:
        return True
    return len(taken) > before


def _line(data: bytearray) -> Secret:
    """Return the first line, and leave nothing of it in *data*."""
    line, _, _ = data.partition(b"\n")
    data[:] = bytes(len(data))
    try:
        found = Secret(line.removesuffix(b"\r").decode())
    except UnicodeDecodeError:
        found = None
    line[:] = bytes(len(line))
    if found is None:
        raise SourceError("it is not UTF-8")
    if not found:
        raise SourceError("it is empty")
    return found
