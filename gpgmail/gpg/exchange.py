"""One operation between two threads: libgpgme works in one, what is the caller's runs in the other.

Data changes threads in large blocks, and each request waits for its answer: no more than a block
each way is ever held, whatever the size of the message.
"""

from __future__ import annotations

import io
import os
import queue
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from types import ModuleType

    from gpgmail.core.run import Run
    from gpgmail.gpg.operation import Sink

_BLOCK = 256 * 1024  # libgpgme itself moves 4 KiB at once
_SHORTEST = 0.001
T = TypeVar("T")


def load() -> ModuleType:
    """Return pygpgme.

    Raises:
        UnsupportedError: If it is not installed, or does not load.
    """
    try:
        import gpgme
    except ImportError as failure:
        raise Situation.MISSING_EXTRA.error(
            f"needs pygpgme: {failure}",
            subject='engine "gpgme"',
            hint="pip install 'gpgmail[gpgme]', or use engine \"gnupg\"",
        ) from failure
    return gpgme


class Context(Protocol):
    """What is used of a `gpgme.Context`; keys are none, data is what has `read` or `write`."""

    passphrase_cb: Callable[..., None] | None

    def encrypt(self, keys: None, flags: int, plain: object, cipher: object, /) -> None:
        """Encrypt."""
        ...

    def decrypt(self, cipher: object, plain: object, /) -> None:
        """Decrypt, and verify what is inside."""
        ...

    def sign(self, plain: object, signature: object, mode: int, /) -> object:
        """Sign."""
        ...

    def verify(self, signature: object, signed: object, plain: object, /) -> object:
        """Verify."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """The thread is done: libgpgme's error number, 0 for none, and what went wrong on our side.

    *rest* is output that the caller has not had yet.
    """

    number: int = 0
    rest: bytes = b""
    failure: Exception | None = None


class _StoppedError(Exception):
    """Ends libgpgme's work from one of its callbacks: the caller goes no further."""


Request = Ended | Callable[[], object]
_STOP = object()


class Exchange:
    """What libgpgme reads, writes and asks, and the requests that it makes of the caller's thread.

    *hear* takes what gpg has said by now and returns what it is answered, if it asked; it is only
    asked where there are *answers*. *look* is called while nothing is requested, and may raise.
    """

    def __init__(
        self,
        command: str,
        source: Iterable[bytes],
        sink: Sink,
        *,
        signature: bytes | None,
        hear: Callable[[], bytes],
        look: Callable[[], object],
        answers: bool,
    ) -> None:
        self.requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._command = command
        self._source = iter(source)
        self._sink = sink
        self.signature = signature
        self.hear = hear
        self._look = look
        self._answers = answers
        self._read = memoryview(b"")
        self._whole = False
        self._written = bytearray()
        self._owed = self._stopped = self._ended = False

    # ---- libgpgme's thread ----

    def work(self, context: Context) -> Ended:
        """Do the operation with a context."""
        number = 0
        context.passphrase_cb = self._answer if self._answers else None
        try:
            _COMMANDS[self._command](context, self)
        except load().GpgmeError as failure:
            number = int(failure.code)
        finally:
            context.passphrase_cb = None
        return Ended(number, bytes(self._written))

    def read(self, size: int) -> bytes:
        """Return at most *size* bytes of the source."""
        if not self._read and not self._whole:
            self._read, self._whole = self._asked(self._next_block)
        data = bytes(self._read[:size])
        self._read = self._read[size:]
        return data

    def write(self, data: bytes) -> None:
        """Take output."""
        self._written += data
        if len(self._written) >= _BLOCK:
            self._flush()

    def _flush(self) -> None:
        data, self._written = bytes(self._written), bytearray()
        self._asked(partial(self._sink, data))

    def _answer(self, *told: object) -> None:
        # What libgpgme tells of the key stands in gpg's status too, and more than that.
        os.write(cast("int", told[-1]), self._asked(self.hear))

    def _asked(self, request: Callable[[], T]) -> T:
        self.requests.put(request)
        reply = _STOP if self._stopped else self._replies.get()
        if reply is _STOP:
            raise _StoppedError
        return cast("T", reply)

    # ---- the caller's thread ----

    def begin(self) -> None:
        """Read what libgpgme will ask for first: most messages are no longer than that."""
        self._read, self._whole = self._next_block()

    def serve(self, run: Run, what: str) -> int:
        """Do what is requested until libgpgme is done; return its error number, or 0."""
        while True:
            run.check(what)
            try:
                request = self.requests.get(timeout=max(_SHORTEST, run.slice()))
            except queue.Empty:
                self.hear_without_answer()
                self._look()
                continue
            if isinstance(request, Ended):
                self._ended = True
                if request.failure is not None:
                    raise request.failure
                if request.rest:
                    self._sink(request.rest)
                return request.number
            self._owed = True
            self._replies.put(request())
            self._owed = False
            run.touch()

    def hear_without_answer(self) -> None:
        """Take what gpg has said by now, unless that may be a question to be answered."""
        if not self._answers:
            self.hear()

    def refuse(self) -> bool:
        """Answer no request any more; tell whether libgpgme is done."""
        self._stopped = True
        if self._owed:
            self._owed = False
            self._replies.put(_STOP)
        while not self.requests.empty():
            self._ended = self._ended or isinstance(self.requests.get(), Ended)
            self._replies.put(_STOP)
        return self._ended

    def _next_block(self) -> tuple[memoryview, bool]:
        """Gather small pieces; tell whether that was all."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._source:
            pieces.append(piece)
            size += len(piece)
            if size >= _BLOCK:
                return memoryview(b"".join(pieces)), False
        return memoryview(b"".join(pieces)), True


def _sign(context: Context, work: Exchange, mode: str) -> None:
    context.sign(work, work, getattr(load(), f"SIG_MODE_{mode}"))


def _verify(context: Context, work: Exchange) -> None:
    if work.signature is None:
        context.verify(work, None, work)
    else:
        context.verify(io.BytesIO(work.signature), work, None)


# gpg's commands, those first that others may stand beside. Keys are named by gpg's own words: for
# libgpgme each would have to be listed first, and it knows neither subkeys nor hidden recipients.
_COMMANDS: dict[str, Callable[[Context, Exchange], None]] = {
    "--encrypt": lambda context, work: context.encrypt(None, 0, work, work),
    "--symmetric": lambda context, work: context.encrypt(None, 0, work, work),
    "--detach-sign": lambda context, work: _sign(context, work, "DETACH"),
    "--clearsign": lambda context, work: _sign(context, work, "CLEAR"),
    "--sign": lambda context, work: _sign(context, work, "NORMAL"),
    "--decrypt": lambda context, work: context.decrypt(work, work),
    "--verify": _verify,
}


def command(words: Iterable[str]) -> str:
    """Return which of gpg's commands *words* hold."""
    given = set(words)
    return next(one for one in _COMMANDS if one in given)
