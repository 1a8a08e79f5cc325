"""Where a key's passphrase comes from: a value, a handler, or nobody.

An engine calls `answer()` for a key, and again with `wrong=True` when the key refused the answer.
A value given for the key comes first, and once; then the handler is asked, at most `ATTEMPTS`
times a key. With neither (`silent`) the user's own agent is left to answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gpgmail.core.events import KeyPassphrase
from gpgmail.core.secret import Secret

if TYPE_CHECKING:
    from gpgmail.core.run import Run

ATTEMPTS = 3
ANY_KEY = ""
Ask = Callable[[KeyPassphrase], None]
PassphraseSource = str | Secret | Mapping[str, str] | Callable[[KeyPassphrase], str | None] | None


class Passphrases:
    """Answers for the keys of one caller.

    *values* maps primary fingerprints (or `ANY_KEY`) to passphrases. *ask* gets a `KeyPassphrase`
    event and may fill its `passphrase`.
    """

    def __init__(self, values: Mapping[str, Secret] | None = None, ask: Ask | None = None) -> None:
        self._values = {key.upper(): value for key, value in (values or {}).items() if value}
        self._ask = ask
        self._answers: dict[str, Secret] = {}
        self._asked: Counter[str] = Counter()
        self.proven: set[tuple[str, Secret]] = (
            set()
        )  # keygrips, each with the answer that opened it

    @classmethod
    def of(cls, source: PassphraseSource) -> Passphrases:
        """Return the answers of a toolkit caller.

        *source* is a text for every key, a mapping of fingerprints to texts, or a callable that
        gets a `KeyPassphrase` event and returns a text or None.
        """
        if source is None:
            return cls()
        if isinstance(source, Mapping):
            return cls({key: Secret(value) for key, value in source.items()})
        if isinstance(source, str | Secret):
            return cls({ANY_KEY: Secret(source)})

        def ask(event: KeyPassphrase) -> None:
            event.passphrase = source(event) or ""

        return cls(ask=ask)

    @property
    def silent(self) -> bool:
        """Whether nobody here knows anything, so that only the user's agent can answer."""
        return not self._values and self._ask is None

    @property
    def asks(self) -> bool:
        """Whether a handler can be asked again after a wrong answer."""
        return self._ask is not None

    @property
    def has_values(self) -> bool:
        """Whether a value was given, which must be tried itself and not a cache in its stead."""
        return bool(self._values)

    def answer(
        self, *, user_id: str, key_id: str, fingerprint: str, wrong: bool, run: Run
    ) -> Secret | None:
        """Return the passphrase to try for a key, or None when there is none (left)."""
        fingerprint = fingerprint.upper()
        if not wrong:
            known = self._answers.get(fingerprint) or self._values.get(
                fingerprint, self._values.get(ANY_KEY)
            )
            if known is not None:
                run.redactor.know(known)
                return known
        return self._from_handler(KeyPassphrase(user_id, key_id, fingerprint), run)

    def _from_handler(self, event: KeyPassphrase, run: Run) -> Secret | None:
        if self._ask is None or self._asked[event.fingerprint] >= ATTEMPTS:
            return None
        self._asked[event.fingerprint] += 1
        self._ask(event)
        run.touch()  # a person may have been asked: that time is not the operation's
        if not event.passphrase:
            return None
        answer = self._answers[event.fingerprint] = Secret(event.passphrase)
        run.redactor.know(answer)
        return answer

    def settled(self, fingerprint: str) -> None:
        """Note that the key took the answer, so that it is kept for the next operation."""
        del self._asked[fingerprint.upper()]

    def begin(self) -> None:
        """Begin an operation: forget what no key took, and let every key be asked for anew."""
        for fingerprint in self._asked:
            self._answers.pop(fingerprint, None)
        self._asked.clear()
