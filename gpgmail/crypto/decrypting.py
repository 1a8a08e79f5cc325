"""Decrypting: gpg runs once, and again where one run cannot do or say everything.

- gpg asks once for the passphrase of a message. Where it was wrong and somebody can be asked for
  another one, gpg runs anew, as often as it would ask for a key's.
- In batch mode gpg stops at the first bad or expired signature, before it says whether the
  ciphertext was whole. A second run, which looks at no signature, says so; both must give the same
  text.

So the source must be one that can be read again. With one that cannot, the first run is the last.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import ATTEMPTS
from gpgmail.core.situations import Situation
from gpgmail.crypto import verdicts
from gpgmail.gpg.status import select
from gpgmail.gpg.trouble import complain

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import Job, Opened, Sink, Source
    from gpgmail.gpg.operation import Result

    Decrypt = Callable[[Source, Sink, tuple[str, ...]], Result]  # the last are further options


def decrypt(once: Decrypt, job: Job, source: Source, sink: Sink, run: Run) -> Opened:
    """Return what *once*, which has gpg decrypt, opens of *source*; *sink* gets the text once.

    Raises:
        GpgmailError: As `Engine.decrypt`.
    """
    again = iter(source) is not source
    text = _Text(sink)
    result = once(source, text, ())
    tries = 1
    while again and verdicts.refused_passphrase(result) and _another(job, result, tries, run):
        tries += 1
        result = once(source, text, ())
    verdicts.require_unchanged(result)
    complain(job.home, result, run)
    if not verdicts.stopped_at_signature(result):
        opened = verdicts.decrypted(result)
    elif again:
        opened = _in_spite_of_signature(once, result, source, text)
    else:
        raise Situation.VERIFY_FAILED.error(
            "has a bad or expired signature, and cannot be read again to tell whether it is whole"
        )
    if not opened.decrypted_with:
        job.passphrases.message_opened()
    return opened


def _another(job: Job, result: Result, tries: int, run: Run) -> bool:
    """Ask for another passphrase of the message; tell whether there is one to try."""
    run.status("the passphrase did not open the message")
    if not job.passphrases.silent:
        return job.passphrases.another(run)
    # A person was asked at the prompt of his agent, which shows another one when gpg runs anew.
    asked = any(select(result.status, "PINENTRY_LAUNCHED"))
    return asked and tries < ATTEMPTS and not any(select(result.status, "CANCELED_BY_USER"))


def _in_spite_of_signature(once: Decrypt, result: Result, source: Source, text: _Text) -> Opened:
    """Decrypt again without a look at signatures, so that gpg says whether it was whole."""
    same = _Text(lambda _: None)
    opened = verdicts.decrypted(result, once(source, same, ("--skip-verify",)))
    if same.digest != text.digest:
        raise Situation.DECRYPT_FAILED.error("gives another text each time it is decrypted")
    return opened


class _Text:
    """A sink that knows what went through it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()

    def __call__(self, data: bytes) -> None:
        self._hash.update(data)
        self._sink(data)

    @property
    def digest(self) -> bytes:
        return self._hash.digest()
