"""`Key`: names a key, and shows its facts once it is found.

It resolves to a frozen key of `gpgmail.keys` when a value is read or the key is used, never
before, and anew after every change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gpgmail.components import wording
from gpgmail.core.codes import ErrorCode
from gpgmail.core.declare import Declared, Row, prop
from gpgmail.core.errors import KeySelectionError
from gpgmail.core.situations import Situation
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.query import Named, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpgmail.core.run import Run
    from gpgmail.keys.key import Key as KeyFacts
    from gpgmail.keys.selection import Selection

F = TypeVar("F")

LONGEST_ID = 8  # bytes of a key id

# What each selector takes, the most exact first; the reference's user id may be an id too.
_SELECTORS = {
    "fingerprint": (Named.ANY, Named.FINGERPRINT),
    "id": (Named.ANY, Named.KEY_ID, Named.FINGERPRINT),
    "user_id": tuple(Named),
}


class Key(Declared):
    """Names a key: a keyring, and in it a fingerprint, an id or a user id.

    Without a keyring it is looked for in the user's own home; with nothing but a keyring its first
    usable key is meant. `encoded` holds the key itself instead. Reading a fact looks for the key,
    and may raise what `facts()` does; a key for which nothing is set has the documented defaults.
    """

    keyring: str = prop(default="", doc="Directory or file; empty for the user's own home.")
    encoded: bytes | str = prop(
        default=b"", secret=True, doc="The key itself, armored or binary, in place of a keyring."
    )
    passphrase: str = prop(default="", secret=True, doc="Passphrase of the secret key.")

    signs = False  # whether its facts are those of the key that would sign

    def __init__(  # the reference's constructors are positional
        self,
        keyring: str | Path = "",
        user_id: str = "",
        *,
        fingerprint: str = "",
        id: str = "",  # noqa: A002 - the reference's name
        encoded: bytes | str = b"",
        passphrase: str = "",
    ) -> None:
        super().__init__(keyring=str(keyring), encoded=encoded, passphrase=passphrase)
        for name, value in (("user_id", user_id), ("id", id), ("fingerprint", fingerprint)):
            if value:
                self._select_by(name, value)

    def _set_up(self) -> None:
        self._selectors = dict.fromkeys(_SELECTORS, "")
        self._opened: Keyring | None = None
        self._found: KeyFacts | None = None
        self._id_digits = 2 * LONGEST_ID

    # ---- what selects ----

    @property
    def user_id(self) -> str:
        """The user id that was signed last; set it to an address, a name or an id to select."""
        return self._fact(wording.user_id, "")

    @user_id.setter
    def user_id(self, value: str) -> None:
        self._select_by("user_id", value)

    @property
    def fingerprint(self) -> str:
        """The fingerprint, in upper case without blanks; set it to select."""
        return self._fact(lambda key: key.fingerprint, "")

    @fingerprint.setter
    def fingerprint(self, value: str) -> None:
        self._select_by("fingerprint", value)

    @property
    def id(self) -> str:
        """The key id, of as many bytes as KeyIdLength says; set it, or a subkey's, to select."""
        return self._fact(lambda key: key.key_id[-self._id_digits :], "")

    @id.setter  # noqa: A003 - the property is meant
    def id(self, value: str) -> None:
        self._select_by("id", value)

    @property
    def query(self) -> str:
        """What the key is looked for by; empty means the first usable one."""
        return next((value for value in self._selectors.values() if value), "")

    @property
    def names(self) -> tuple[object, ...]:
        """What names the key, to be compared."""
        return self.keyring, self.encoded, self.query

    @property
    def blank(self) -> bool:
        """Whether nothing was set that could name a key."""
        return not (self.keyring or self.encoded or self.query)

    def show_ids(self, length: int) -> None:
        """Show `id` with *length* bytes; a component does this with its keys."""
        self._id_digits = 2 * length

    # ---- facts ----

    @property
    def other_user_ids(self) -> str:
        """The further user ids, separated by commas, as gpg has them."""
        return self._fact(wording.other_user_ids, "")

    @property
    def effective_date(self) -> str:
        """When the key was made, as `23-Jan-2000 15:00:00` in UTC."""
        return self._fact(lambda key: wording.date(key.created), "")

    @property
    def expiration_date(self) -> str:
        """When the key ends, as `effective_date`; empty when never."""
        return self._fact(lambda key: wording.date(key.expires), "")

    @property
    def public_key_algorithm(self) -> str:
        """The algorithm of the primary key: RSA, DSA, ECDSA, EdDSA, Ed25519 or Ed448."""
        return self._fact(wording.algorithm, "")

    @property
    def public_key_length(self) -> int:
        """The length of the primary key in bits."""
        return self._fact(wording.length, 0)

    @property
    def curve(self) -> str:
        """The curve of the primary key such as `secp256r1` or `Ed25519`; empty for RSA and DSA."""
        return self._fact(wording.curve, "")

    @property
    def revoked(self) -> bool:
        """Whether the key was revoked."""
        return self._fact(lambda key: key.revoked, default=False)

    @property
    def usage_flags(self) -> int:
        """What the key and its subkeys may be used for, as flags (RFC 9580 section 5.2.3.29)."""
        return self._fact(lambda key: key.usage_flags, 0x2F)

    @property
    def usage(self) -> str:
        """What the key and its subkeys may be used for, in words separated by commas."""
        return self._fact(lambda key: wording.usage(key.usage_flags), "")

    @property
    def version(self) -> int:
        """The version of the key's format."""
        return self._fact(lambda key: key.version, 4)

    @property
    def secret_key_available(self) -> bool:
        """Whether a secret part is here."""
        return self._fact(self._has_secret, default=False)

    @property
    def public_key(self) -> str:
        """The public key in ASCII armor."""
        return self._fact(lambda key: self.open().export_public(key.fingerprint), "")

    @property
    def secret_key(self) -> str:
        """The secret key in ASCII armor, protected as it is; empty where it is not here.

        Raises:
            PassphraseError: If the key is protected and `passphrase` is missing or wrong.
        """
        return self._fact(self._export_secret, "")

    # ---- resolving ----

    def open(self) -> Keyring:
        """Return the keyring, opened.

        Raises:
            KeySelectionError: If nothing is set that could name a key.
            KeyringError: If the keyring cannot be read.
        """
        if self.blank:
            raise Situation.KEY_NOT_FOUND.error(
                "names no key", subject="key", hint="set its keyring, fingerprint or user_id"
            )
        if self._opened is None:
            encoded = self.encoded.encode() if isinstance(self.encoded, str) else self.encoded
            self._opened = Keyring.open(encoded or self.keyring or None)
        return self._opened

    def close(self) -> None:
        """Let go of the keyring; the next use opens it again."""
        opened, self._opened, self._found = self._opened, None, None
        if opened is not None:
            opened.close()

    def signer(self, run: Run) -> Selection:
        """Return the key to sign with; raises what `Keyring.find_signer` does."""
        return self._told(self.open().find_signer(self.query, run), run)

    def recipient(self, run: Run, trust: str = "") -> Selection:
        """Return the key to encrypt to; raises what `Keyring.find_recipient` does."""
        return self._told(self.open().find_recipient(self.query, run, trust=trust or None), run)

    def facts(self) -> KeyFacts:
        """Return the key that is meant, usable or not.

        Raises:
            KeySelectionError: If there is none, or more than one.
            KeyringError: If the keyring cannot be read.
        """
        if self._found is None:
            self._found = self._look()
        return self._found

    def _fact(self, of: Callable[[KeyFacts], F], default: F) -> F:
        return default if self.blank else of(self.facts())

    def _look(self) -> KeyFacts:
        ring = self.open()
        try:
            if self.signs:
                return ring.find_signer(self.query).key
            return ring.find_recipient(self.query, trust="always").key
        except KeySelectionError as error:
            keys = ring.keys(self.query)
            absent = self.query and error.code is ErrorCode.PGP_KEY_NOT_FOUND
            if not keys or absent or (self.query and len(keys) > 1):
                raise
            return keys[0]

    def _has_secret(self, key: KeyFacts) -> bool:
        found = self.open().keys(f"0x{key.fingerprint}", secret=True)
        return any(one.secret_available for one in found)

    def _export_secret(self, key: KeyFacts) -> str:
        if not self._has_secret(key):
            return ""
        from gpgmail.core.passphrases import Passphrases

        passphrases = Passphrases.of(self.passphrase or None)
        return self.open().export_secret(key.fingerprint, passphrases=passphrases)

    def _told(self, selection: Selection, run: Run) -> Selection:
        if not self.query:
            run.status(f"{self.open().name}: using {selection.fingerprint} {selection.user_id}")
        return selection

    def _select_by(self, name: str, value: str) -> None:
        if not isinstance(value, str):
            raise Situation.BAD_VALUE.error(f"takes str, not {type(value).__name__}", subject=name)
        if Query.parse(value).named not in _SELECTORS[name]:
            raise Situation.BAD_VALUE.error(f"{value!r} is none", subject=name)
        self._selectors = {**dict.fromkeys(_SELECTORS, ""), name: value.strip()}
        self._found = None

    def _after_set(self, row: Row) -> None:
        if row.name != "passphrase":
            self.close()
