"""What gpg asks while it works, and what it is answered.

With `--command-fd` gpg writes `GET_HIDDEN` on the status descriptor and reads a line. It gets the
passphrase of the key that it named just before; where nobody knows one, and to everything else, an
empty line, which means no. It is not told "cancelled": gpg-agent 2.2 then loses the answer to its
next question, such as for another key of the message. Only where an empty line could be the PIN of
a card, cancelled it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.passphrases import encoded, require_usable
from gpgmail.gpg.status import key_id

if TYPE_CHECKING:
    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.core.secret import Secret
    from gpgmail.gpg.status import StatusLine

_CANCEL = b"\x04\n"
_NO = b"\n"
_QUESTIONS = ("GET_BOOL", "GET_LINE", "GET_HIDDEN")


class Wanted(NamedTuple):
    """The key whose passphrase gpg wants: its own id or fingerprint, its primary's id, or none."""

    key_id: str = ""
    primary_id: str = ""


class Identity(NamedTuple):
    """What the key ring says of a wanted key."""

    fingerprint: str  # the primary's
    keygrip: str  # the wanted (sub)key's
    key_id: str = ""  # the same one's
    user_id: str = ""


Identify = Callable[[Wanted], Identity | None]
Proves = Callable[[Identity, "Secret"], bool | None]


class Dialogue:
    """Answers one gpg process.

    *identify* finds a key by its id; *proves* tells whether a passphrase opens a key, None if only
    its card could. It is asked where a handler could be asked again, so that a wrong answer does
    not cost the whole operation, and with *careful* always: there may be a card, which counts.
    *symmetric* is what a message is encrypted with; it is never tried on a key.
    """

    def __init__(
        self,
        passphrases: Passphrases,
        run: Run,
        identify: Identify,
        proves: Proves,
        symmetric: Secret | None = None,
        *,
        careful: bool = False,
    ) -> None:
        if symmetric is not None:
            require_usable(symmetric, "passphrase")
        self._passphrases = passphrases
        self._proving = careful or passphrases.asks
        self._nothing = _CANCEL if careful else _NO
        self._symmetric = symmetric
        self._of_message = False  # what is wanted is the message's passphrase, not a key's
        self._elsewhere = False  # another key, or a passphrase, may open the message too
        self._run = run
        self._identify = identify
        self._proves = proves
        self._user_ids: dict[str, str] = {}
        self._fingerprints: dict[str, str] = {}
        self._wanted = Wanted()
        self._asked: set[Wanted] = set()
        self._notes: dict[str, Callable[[StatusLine], None]] = {
            "ENC_TO": self._opening,
            "KEY_CONSIDERED": self._considered,
            "USERID_HINT": self._hint,
            "NEED_PASSPHRASE": self._need,
            "NEED_PASSPHRASE_SYM": self._need_none,
            "SIG_CREATED": self._worked,
            "DECRYPTION_KEY": self._worked,
        }

    def reply(self, line: StatusLine) -> bytes:
        """Take note of a status line; return what to write, which is nothing but for a question."""
        note = self._notes.get(line.keyword)
        if note is not None:
            note(line)
        if line.keyword not in _QUESTIONS:
            return b""
        return self._passphrase() if line.get("question") == "passphrase.enter" else _NO

    def _opening(self, _: StatusLine) -> None:
        self._elsewhere = True

    def _considered(self, line: StatusLine) -> None:
        fingerprint = line.get("fingerprint")
        self._fingerprints[key_id(fingerprint)] = fingerprint

    def _hint(self, line: StatusLine) -> None:
        self._user_ids[line.get("key_id")] = line.get("user_id")

    def _need(self, line: StatusLine) -> None:
        self._wanted = Wanted(key_id=line.get("key_id"), primary_id=line.get("primary_id"))
        self._of_message = False

    def _need_none(self, _: StatusLine) -> None:
        self._wanted = Wanted()
        self._of_message = True

    def _passphrase(self) -> bytes:
        if self._of_message and self._symmetric is not None:
            return encoded(self._symmetric) + b"\n"
        wanted, again = self._wanted, self._wanted in self._asked
        self._asked.add(wanted)
        identity = None
        fingerprint = self._fingerprints.get(wanted.primary_id, "")
        if wanted.key_id and (self._proving or not fingerprint):
            identity = self._identify(wanted)
        if identity is not None:
            fingerprint = identity.fingerprint
        answer = self._answer(identity, fingerprint or wanted.primary_id, wrong=again)
        return self._nothing if answer is None else encoded(answer) + b"\n"

    def _answer(self, identity: Identity | None, fingerprint: str, *, wrong: bool) -> Secret | None:
        who = {
            "user_id": self._user_id(),
            "key_id": self._wanted.key_id,
            "fingerprint": fingerprint,
        }
        if identity is None or not self._proving:
            return self._passphrases.answer(**who, wrong=wrong, run=self._run)
        return self._passphrases.proved(
            identity.keygrip,
            lambda answer: self._proves(identity, answer),
            **who,
            wrong=wrong,
            elsewhere=self._elsewhere,
            run=self._run,
        )

    def _worked(self, _: StatusLine) -> None:
        self._passphrases.used()

    def _user_id(self) -> str:
        return self._user_ids.get(self._wanted.key_id) or self._user_ids.get(
            self._wanted.primary_id, ""
        )
