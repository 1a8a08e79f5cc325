"""A watch over everything that a test makes gpgmail say: no secret that it used may be in it.

What is said: events, errors, log records and reprs. What is secret: whatever became a `Secret`, was
given to a redactor, or was set on a row that is declared secret. Shorter ones than SHORTEST are not
looked for: they stand in ordinary words.
"""

from __future__ import annotations

import base64
import logging
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from gpgmail.core.declare import Declared, Row
from gpgmail.core.errors import GpgmailError
from gpgmail.core.run import Run
from gpgmail.core.secret import Redactor, Secret

SHORTEST = 8


class Watch:
    """What was said and what is secret, since the watch began."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.secrets: set[str] = set()

    def keep(self, value: object) -> None:
        """Take note of a secret."""
        text = value.decode(errors="replace") if isinstance(value, bytes) else value
        if isinstance(text, str) and len(text) >= SHORTEST and not text.startswith("/"):
            self.secrets.add(text)  # a store of keys may be a path instead, and is named in errors

    def leaks(self) -> list[str]:
        """Return what was said and holds a secret, in any of its usual forms."""
        forms = {form for secret in self.secrets for form in _forms(secret)}
        return [text for text in self.said if any(form in text for form in forms)]


def _forms(secret: str) -> tuple[str, ...]:
    encoded = secret.encode(errors="replace")
    return (
        secret,
        base64.b64encode(encoded).decode(),
        encoded.hex(),
        quote(secret, safe="", errors="replace"),
    )


class _Log(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextmanager
def watched():
    """Watch what the block makes gpgmail say."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        _patch(patch, watch)
        handler = _Log(watch.said)
        logger = logging.getLogger("gpgmail")
        logger.addHandler(handler)
        try:
            yield watch
        finally:
            logger.removeHandler(handler)


def _patch(patch, watch):
    def after(kind, name, note):
        original = getattr(kind, name)

        def patched(self, *arguments, **named):
            result = original(self, *arguments, **named)
            note(self, result, *arguments)
            return result

        patch.setattr(kind, name, patched)

    after(Secret, "__init__", lambda self, *_: watch.keep(self.reveal()))
    after(GpgmailError, "__init__", lambda self, *_: watch.said.append(f"{self!r} {self}"))
    after(Declared, "__repr__", lambda _, text: watch.said.append(text))
    after(Redactor, "know", lambda _, __, secret: watch.keep(Secret(secret).reveal()))
    after(Row, "accept", lambda row, value, _: row.secret and watch.keep(value))
    _wrap_emit(patch, watch)


def _wrap_emit(patch, watch):
    original = Run.__init__

    def patched(self, **named):
        original(self, **named)
        emit = self.emit

        def told(event):
            watch.said.append(repr(event))
            emit(event)

        self.emit = told

    patch.setattr(Run, "__init__", patched)
