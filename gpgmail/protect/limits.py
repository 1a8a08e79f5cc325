"""How much of a machine a received mail may take: a stranger decides how it is built.

Neither the stack nor the memory nor the time that gpg takes is his. Levels and parts of MIME are
limited in `message/walk.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpgmail.core.errors import GpgmailError

MOST_BYTES = 256 * 1024 * 1024
MOST_LAYERS = 5  # protections inside one another; signed, encrypted and signed again are three
MOST_RUNS = 500
MOST_TIMES = 32  # that the bytes of a mail are verified: in six forms in each of five layers


class Budget:
    """Counts what is read of a mail, and what comes out of its ciphertexts and compressed data."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        if most_bytes < 1:
            raise Situation.BAD_VALUE.error("must be at least 1 byte", subject="most_bytes")
        self._most = self._left = most_bytes
        self._runs = self._verified = 0

    def load(self, chunks: Iterable[bytes]) -> bytes:
        """Return *chunks* as one.

        Raises:
            MessageError: As soon as they are more than what is left.
        """
        data = bytearray()
        sink = self.sink(data)
        for chunk in chunks:
            sink(chunk)
        return bytes(data)

    def sink(self, into: bytearray) -> Callable[[bytes], None]:
        """Return what appends to *into*, and raises as soon as it is more than what is left."""

        def take(chunk: bytes) -> None:
            self._left -= len(chunk)
            if self._left < 0:
                raise Situation.MESSAGE_TOO_LARGE.error(
                    f"has more than {self._most} bytes, with what is inside its protections",
                    subject="the mail",
                )
            into.extend(chunk)

        return take

    def verify(self, data: bytes) -> bytes:
        """Count and return what a signature is to be tried on.

        Raises:
            MessageError: If all of it is far more than the mail and what is inside have.
        """
        self._verified += len(data)
        if self._verified > MOST_TIMES * (self._most - self._left):
            raise bad(f"has signatures over more than {MOST_TIMES} times its bytes")
        return data

    def run(self) -> None:
        """Count a run of gpg.

        Raises:
            MessageError: If there were too many.
        """
        self._runs += 1
        if self._runs > MOST_RUNS:
            raise bad(f"has more than {MOST_RUNS} signatures and ciphertexts")


def bad(detail: str) -> GpgmailError:
    """Return the error of a mail that cannot be taken apart."""
    return Situation.BAD_MESSAGE.error(detail, subject="the mail")
