"""Where a key's passphrase comes from: a value, a handler, or nobody.

An engine calls `answer()` for a key, and again with `wrong=True` when the key refused the answer.
A value given for the key comes first, and once; then the handler is asked, at most `ATTEMPTS`
times a key. With neither (`silent`) the user's own agent is left to answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gpgmail.core.events import KeyPassphrase
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.core.run import Run

ATTEMPTS = 3
ANY_KEY = ""
_MESSAGE = ""  # stands for the fingerprint where a passphrase is that of a message
LONGEST = 255  # bytes that gpg-agent takes, from GnuPG 2.1 to 2.4
_REFUSED = frozenset("\n\r\0\x04")  # gpg ends a line at the first three, and cancels at the last
_NAMES_KEY = re.compile(r"[0-9A-F]{16,64}")  # a key id or a fingerprint


@runtime_checkable
class Stored(Protocol):
    """A passphrase that is kept somewhere, and fetched when a key first wants it."""

    def fetch(self, fingerprint: str, run: Run) -> Secret:
        """Return it; *fingerprint* is the primary key's, empty where a message has no key."""
        ...


Ask = Callable[[KeyPassphrase], None]
Value = str | bytes | Secret | Stored
PassphraseSource = (
    Value | Mapping[str, Value] | Callable[[KeyPassphrase], str | Secret | None] | None
)


class Passphrases:
    """Answers for the keys of one caller.

    *values* maps keys to passphrases: fingerprints and key ids of primaries or subkeys, or
    `ANY_KEY`. *ask* gets a `KeyPassphrase` event and may fill its `passphrase`.

    Raises:
        PassphraseError: If a value can be no passphrase, as one with a line break.
    """

    def __init__(
        self, values: Mapping[str, Secret | Stored] | None = None, ask: Ask | None = None
    ) -> None:
        given = {_named(key): value for key, value in (values or {}).items() if value}
        for key, value in given.items():
            if isinstance(value, Secret):
                require_usable(value, key or "passphrase")
        self._values = given
        self._fetched: dict[tuple[str, str], Secret] = {}
        self._ask = ask
        self._answers: dict[str, Secret] = {}
        self._asked: Counter[str] = Counter()
        self._risked: dict[str, Secret] = {}  # keygrips, each with a PIN of which nothing is known
        self.proven: set[tuple[str, Secret]] = (
            set()
        )  # keygrips, each with the answer that opened it

    @classmethod
    def of(cls, source: PassphraseSource) -> Passphrases:
        """Return the answers of a toolkit caller.

        *source* is one value for every key, a mapping of fingerprints or key ids to values, or a
        callable that gets a `KeyPassphrase` event and returns a text or None. A value is a text,
        its bytes, a `Secret`, or what fetches it, such as `gpgmail.Passphrase`.

        Raises:
            PassphraseError: If a value can be no passphrase, as one with a line break.
            UsageError: If a value is of another type, or given for what names no key.
        """
        if source is None:
            return cls()
        if callable(source) and not isinstance(source, Stored):
            return cls(ask=_asking(source))
        if isinstance(source, Mapping):
            _require_keys(source)
            values = {key: _value(value) for key, value in source.items()}
        else:
            values = {ANY_KEY: _value(source)}
        del source  # a traceback may show what a frame holds
        return cls(values)

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
        """Return the passphrase to try for a key, or None when there is none (left).

        *key_id* is the (sub)key's that wants it, *fingerprint* its primary's.

        Raises:
            PassphraseError: If it cannot be fetched, or can be no passphrase.
        """
        fingerprint = fingerprint.upper()
        if not wrong:
            known = self._answers.get(fingerprint) or self._value_for(fingerprint, key_id, run)
            if known is not None:
                run.redactor.know(known)
                return known
        event = KeyPassphrase(user_id, key_id, fingerprint, was_wrong=wrong)
        return self._from_handler(event, run)

    def _value_for(self, fingerprint: str, key_id: str, run: Run) -> Secret | None:
        """Return what was given for a key: for the subkey itself, its primary, or any key."""
        for part in (key_id.upper(), fingerprint):
            for name, value in self._values.items():
                if part and name and (part.endswith(name) or name.endswith(part)):
                    return self._secret(name, value, fingerprint, run)
        common = self._values.get(ANY_KEY)
        return None if common is None else self._secret(ANY_KEY, common, fingerprint, run)

    def _secret(self, name: str, value: Secret | Stored, fingerprint: str, run: Run) -> Secret:
        if isinstance(value, Secret):
            return value
        place = (name, fingerprint)
        if place not in self._fetched:
            fetched = value.fetch(fingerprint, run)
            run.touch()  # a person may have unlocked something: that time is not the operation's
            require_usable(fetched, fingerprint or "passphrase")
            self._fetched[place] = fetched
        return self._fetched[place]

    def _from_handler(self, event: KeyPassphrase, run: Run) -> Secret | None:
        if self._ask is None or self._asked[event.fingerprint] >= ATTEMPTS:
            return None
        self._asked[event.fingerprint] += 1
        self._ask(event)
        run.touch()  # a person may have been asked: that time is not the operation's
        answer, event.passphrase = event.passphrase, ""  # whoever keeps the event keeps no secret
        if not answer:
            if event.fingerprint != _MESSAGE:  # it has none for this key: no second question
                self._asked[event.fingerprint] = ATTEMPTS
            return None
        secret = _text(answer)
        del answer  # a traceback may show what a frame holds
        run.redactor.know(secret)
        require_usable(secret, f"{event.fingerprint} {event.user_id}".strip())
        self._answers[event.fingerprint] = secret
        return secret

    def proved(
        self,
        keygrip: str,
        opens: Callable[[Secret], bool | None],
        *,
        user_id: str,
        key_id: str,
        fingerprint: str,
        wrong: bool = False,
        elsewhere: bool = False,
        run: Run,
    ) -> Secret | None:
        """Return an answer that opens a key, None where there is none to try.

        *opens* tries one, and says None where only the key's card could tell. There an answer is
        returned once, until `used()`: a card counts wrong PINs, and blocks itself. Where every
        answer is wrong and something *elsewhere* may do instead of the key, the last one is
        returned, so that gpg finds it wrong and goes on.

        Raises:
            PassphraseError: If every answer is wrong, or the card may have refused it before.
        """
        who = {"user_id": user_id, "key_id": key_id, "fingerprint": fingerprint}
        answer = self.answer(**who, wrong=wrong, run=run)
        while answer is not None:
            verdict = (keygrip, answer) in self.proven or opens(answer)
            if verdict is None:
                return self._at_risk(keygrip, answer, f"{fingerprint} {user_id}".strip())
            if verdict:
                self.proven.add((keygrip, answer))
                self.settled(fingerprint)
                return answer
            tried, answer = answer, self.answer(**who, wrong=True, run=run)
            if answer is None and elsewhere:
                return tried
            if answer is None:
                raise Situation.PASSPHRASE.error(
                    "the passphrase is wrong", subject=f"{fingerprint} {user_id}".strip()
                )
        return None

    def _at_risk(self, keygrip: str, answer: Secret, subject: str) -> Secret:
        if self._risked.get(keygrip) == answer:
            raise Situation.PASSPHRASE.error(
                "the card did not take this PIN, and another try could block it",
                subject=subject,
                hint="give the right one to another Mailer, or see `gpg --card-status`",
            )
        self._risked[keygrip] = answer
        return answer

    def another(self, run: Run) -> bool:
        """Ask the handler after a message did not take its passphrase; tell whether there is one.

        It is the answer for the message from then on. Nobody is asked where none was tried.

        Raises:
            PassphraseError: If what the handler gives can be no passphrase.
        """
        if not (self._answers.get(_MESSAGE) or self._value_for(_MESSAGE, "", run)):
            return False
        return self._from_handler(KeyPassphrase("", "", _MESSAGE, was_wrong=True), run) is not None

    def message_opened(self) -> None:
        """Note that a message took its passphrase, so that it is tried on the next one first."""
        self.settled(_MESSAGE)

    def used(self) -> None:
        """Note that the secret keys did their work, so that no PIN was wrong."""
        self._risked.clear()

    def settled(self, fingerprint: str) -> None:
        """Note that the key took the answer, so that it is kept for the next operation."""
        del self._asked[fingerprint.upper()]

    def begin(self) -> None:
        """Begin an operation: forget what no key took, and let every key be asked for anew."""
        for fingerprint in self._asked:
            self._answers.pop(fingerprint, None)
        self._asked.clear()


def _asking(source: Callable[[KeyPassphrase], str | Secret | None]) -> Ask:
    def ask(event: KeyPassphrase) -> None:
        answer = source(event)
        if answer is not None:
            event.passphrase = answer.reveal() if isinstance(answer, Secret) else answer

    return ask


def require_usable(secret: Secret, subject: str) -> None:
    """Refuse what gpg-agent could not take, or would take as something else; *subject* names it.

    Raises:
        PassphraseError: If it has a line break, NUL, ^D or half a character, or is too long.
    """
    why = _why_not(secret)
    if why:
        raise Situation.PASSPHRASE.error(why, subject=subject, hint="give another one")


def _why_not(secret: Secret) -> str:
    text = secret.reveal()
    if not _REFUSED.isdisjoint(text):
        return "holds a line break, NUL or ^D, which gpg would take for the end of it"
    try:
        size = len(encoded(secret))
    except UnicodeEncodeError:
        return "holds half a character, which gpg cannot take"
    if size > LONGEST:
        return f"is {size} bytes long, and gpg-agent takes {LONGEST} at most"
    return ""


def encoded(secret: Secret) -> bytes:
    """Return the bytes that gpg is given, in UTF-8; those of a value given as bytes unchanged."""
    return secret.reveal().encode("utf-8", "surrogateescape")


def _value(value: Value) -> Secret | Stored:
    return value if isinstance(value, Stored) else _text(value)


def _text(value: object) -> Secret:
    """Return a value as what it is kept as; the bytes of an old passphrase may be no UTF-8."""
    if isinstance(value, bytes):
        return Secret(value.decode("utf-8", "surrogateescape"))
    if isinstance(value, str | Secret):
        return Secret(value)
    raise Situation.BAD_VALUE.error(
        f"takes a text, not {type(value).__name__}", subject="passphrase"
    )


def _named(key: str) -> str:
    """Return what stands for a key in one form, without the blanks that people copy along."""
    return "".join(key.split()).upper().removeprefix("0X")


def _require_keys(names: Iterable[str]) -> None:
    """Refuse what names no key, and do not show it: it may be a passphrase in the wrong place."""
    if not all(name == ANY_KEY or _NAMES_KEY.fullmatch(_named(name)) for name in names):
        raise Situation.BAD_VALUE.error(
            "is given for what names no key",
            subject="passphrase",
            hint="map fingerprints or key ids to passphrases",
        )
