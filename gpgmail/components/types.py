"""The reference's mutable selectors: they name a key, and show its facts once it is found.

A `Key` resolves to a frozen key of `gpgmail.keys` when a value is read or the key is used, never
before, and anew after every change.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gpgmail.core.declare import Declared, Row, prop
from gpgmail.core.errors import KeySelectionError
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.keys.key import Key as KeyFacts
from gpgmail.keys.keyring import Keyring
from gpgmail.message.draft import Attachment as MessageAttachment

if TYPE_CHECKING:
    from pathlib import Path

    from gpgmail.keys.selection import Selection

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_USAGES = (
    (0x01, "Certifying Other Certificates"),
    (0x02, "Signing Emails and Files"),
    (0x0C, "Encrypting Emails and Files"),
    (0x10, "Split Key"),
    (0x20, "Authenticate Against Servers"),
    (0x80, "Group Key"),
)


class Key(Declared):
    """Names a key: a keyring, and in it a fingerprint, an id or a user id.

    Without a keyring it is looked for in the user's own home; without anything that selects, the
    first usable key of the keyring is meant. `encoded` holds the key itself instead.
    """

    keyring: str = prop(default="", doc="Directory or file; empty for the user's own home.")
    encoded: bytes | str = prop(default=b"", doc="The key itself, armored or binary.")
    passphrase: str = prop(default="", secret=True, doc="Passphrase of the secret key.")

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
        self._selectors = {"fingerprint": fingerprint, "id": id, "user_id": user_id}
        self._opened: Keyring | None = None
        self._found: KeyFacts | None = None
        super().__init__(keyring=str(keyring), encoded=encoded, passphrase=passphrase)

    # ---- what selects ----

    @property
    def user_id(self) -> str:
        """The user id: that of the key once there is one, otherwise what was set to select it."""
        return self._selector("user_id", lambda key: key.user_id)

    @user_id.setter
    def user_id(self, value: str) -> None:
        self._select_by("user_id", value)

    @property
    def fingerprint(self) -> str:
        """The fingerprint, in upper case without blanks."""
        return self._selector("fingerprint", lambda key: key.fingerprint)

    @fingerprint.setter
    def fingerprint(self, value: str) -> None:
        self._select_by("fingerprint", value)

    @property
    def id(self) -> str:
        """The key id of 16 digits."""
        return self._selector("id", lambda key: key.key_id)

    @id.setter
    def id(self, value: str) -> None:
        self._select_by("id", value)

    @property
    def selected(self) -> bool:
        """Whether anything was set that selects a key of the keyring."""
        return bool(self.query)

    @property
    def query(self) -> str:
        """What the key is looked for by: the most exact of what was set."""
        return next((value for value in self._selectors.values() if value), "")

    # ---- facts ----

    @property
    def other_user_ids(self) -> str:
        """The further user ids, separated by commas."""
        return ",".join(self.facts().other_user_ids)

    @property
    def effective_date(self) -> str:
        """When the key was made, as `23-Jan-2000 15:00:00` in UTC."""
        return _date(self.facts().created)

    @property
    def expiration_date(self) -> str:
        """When the key ends, as `effective_date`; empty when never."""
        return _date(self.facts().expires)

    @property
    def public_key_algorithm(self) -> str:
        """The algorithm of the primary key."""
        return self.facts().primary.algorithm

    @property
    def public_key_length(self) -> int:
        """The length of the primary key in bits."""
        return self.facts().primary.length

    @property
    def curve(self) -> str:
        """The curve of the primary key, empty for RSA and DSA."""
        return self.facts().primary.curve

    @property
    def revoked(self) -> bool:
        """Whether the key was revoked."""
        return self.facts().revoked

    @property
    def usage_flags(self) -> int:
        """What the key may be used for, as flags."""
        return self.facts().usage_flags

    @property
    def usage(self) -> str:
        """What the key may be used for, in words separated by commas."""
        flags = self.usage_flags
        return ",".join(words for flag, words in _USAGES if flags & flag)

    @property
    def version(self) -> int:
        """The version of the key's format."""
        return self.facts().version

    @property
    def secret_key_available(self) -> bool:
        """Whether a secret part is here."""
        found = self.open().keys(f"0x{self.facts().fingerprint}", secret=True)
        return any(key.secret_available for key in found)

    @property
    def public_key(self) -> str:
        """The public key in ASCII armor."""
        return self.open().export_public(self.facts().fingerprint)

    @property
    def secret_key(self) -> str:
        """The secret key in ASCII armor, protected as it is; empty where it is not here."""
        if not self.secret_key_available:
            return ""
        from gpgmail.core.passphrases import Passphrases

        passphrases = Passphrases.of(self.passphrase or None)
        return self.open().export_secret(self.facts().fingerprint, passphrases=passphrases)

    # ---- resolving ----

    def open(self) -> Keyring:
        """Return the keyring, opened."""
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
        """Return the key to sign with."""
        return self._told(self.open().find_signer(self.query, run), run)

    def recipient(self, run: Run) -> Selection:
        """Return the key to encrypt to."""
        return self._told(self.open().find_recipient(self.query, run), run)

    def facts(self) -> KeyFacts:
        """Return the key that is meant, usable or not.

        Raises:
            KeySelectionError: If there is none, or more than one.
        """
        if self._found is None:
            self._found = self._look()
        return self._found

    def _look(self) -> KeyFacts:
        ring = self.open()
        try:
            return ring.find_recipient(self.query, trust="always").key
        except KeySelectionError:
            keys = ring.keys(self.query)
            if len(keys) != 1 and (self.selected or not keys):
                raise
            return keys[0]

    def _told(self, selection: Selection, run: Run) -> Selection:
        if not self.selected:
            run.status(f"{self.open().name}: using {selection.fingerprint} {selection.user_id}")
        return selection

    def _selector(self, name: str, of: Any) -> str:
        if not (self.keyring or self.encoded or self.selected):
            return ""
        if not (self.keyring or self.encoded):
            return self._selectors[name]
        return str(of(self.facts()))

    def _select_by(self, name: str, value: str) -> None:
        if not isinstance(value, str):
            raise Situation.BAD_VALUE.error(
                f"takes str, not {type(value).__name__}", subject=name
            )
        self._selectors = {**dict.fromkeys(self._selectors, ""), name: value}
        self._found = None

    def _after_set(self, row: Row) -> None:
        if row.name != "passphrase":
            self.close()


class Attachment(Declared):
    """Names a file to attach, or holds its content."""

    file: str = prop(default="", doc="Path of the file.")
    data: bytes = prop(default=b"", doc="The content itself, where there is no file.")
    name: str = prop(default="", doc="Name that the recipient sees; by default the file's.")
    content_type: str = prop(default="", doc="Content type; by default what the name says.")

    def __init__(
        self,
        file: str | Path = "",
        *,
        data: bytes = b"",
        name: str = "",
        content_type: str = "",
    ) -> None:
        super().__init__(file=str(file), data=data, name=name, content_type=content_type)

    def stated(self) -> MessageAttachment:
        """Return the attachment as the message room takes it."""
        return MessageAttachment(
            source=self.file or self.data,
            name=self.name or None,
            content_type=self.content_type,
        )


def _date(when: datetime | None) -> str:
    """Format with English months, whatever the locale is."""
    if when is None:
        return ""
    return f"{when.day:02}-{_MONTHS[when.month - 1]}-{when.year} {when:%H:%M:%S}"
