"""Which certificate is meant: a store and a choice in it, or the certificate itself.

Rows of a component, the fields of a `Certificate` and whoever connects name one in the same words;
what the words mean stands here. Whoever only names none loads no store.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpgmail.certificates.kinds import PUBLIC_KEY_BLOB, USER
from gpgmail.core.declare import is_set, stated
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.certificates.entry import Entry
    from gpgmail.core.declare import Declared

STORE = b"MY"  # the documented default, a store of Windows


@dataclass(frozen=True, slots=True)
class Naming:
    """A store with its passwords, and in it a subject; or an encoded certificate.

    The key of an encoded certificate is along, or looked for in the store. A store without a
    subject means what `*` does. Keys open with *key_password*, where that is None with the store's.
    """

    store_type: int = USER
    store: bytes = field(default=STORE, repr=False)
    store_password: Secret = field(default_factory=lambda: Secret(""))
    key_password: Secret | None = None
    subject: str = ""
    encoded: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, options: Declared, prefix: str) -> Naming:
        """Return what the rows of *options* name whose names begin with *prefix*."""
        key_password = f"{prefix}key_password"
        return cls(
            stated(options, f"{prefix}store_type"),
            stated(options, f"{prefix}store"),
            Secret(stated(options, f"{prefix}store_password")),
            Secret(stated(options, key_password)) if is_set(options, key_password) else None,
            stated(options, f"{prefix}subject"),
            stated(options, f"{prefix}encoded"),
        )

    @property
    def blank(self) -> bool:
        """Whether nothing is said that could name a certificate."""
        return self._no_store and not (self.subject or self.encoded)

    @property
    def shown_store(self) -> str:
        """What an error calls the store: a name, and never its content."""
        from gpgmail.certificates import stores

        return "the store" if stores.is_content(self.store) else as_text(self.store)

    @property
    def opens_keys(self) -> Secret:
        """The password of private keys."""
        return self.store_password if self.key_password is None else self.key_password

    def find(self) -> Entry:
        """Return the certificate, with its private key where that is found.

        Raises:
            TlsError: With code 271 if a store does not open, 272 if nothing in it matches.
            PassphraseError: If the store's password is missing or wrong.
            UnsupportedError: If stores of this type cannot be read here.
        """
        return self.found()[0]

    def found(self) -> tuple[Entry, list[Entry]]:
        """Return what `find` does, and with it all that was beside it; raises the same."""
        if self.blank:
            raise Situation.CERTIFICATE_NOT_FOUND.error(
                "names none", subject="certificate", hint="set its store and subject, or encoded"
            )
        return self._stated() if self.encoded else self._selected()

    @property
    def _no_store(self) -> bool:
        return (self.store_type, self.store) == (USER, STORE)

    def _selected(self) -> tuple[Entry, list[Entry]]:
        from gpgmail.certificates.selection import select

        entries = self._opened(self.store_type, self.store)
        return select(entries, self.subject, self.shown_store), entries

    def _stated(self) -> tuple[Entry, list[Entry]]:
        entries = self._opened(PUBLIC_KEY_BLOB, self.encoded)
        entry = entries[0]
        if entry.has_private_key or self._no_store:
            return entry, entries
        entries += self._opened(self.store_type, self.store)
        for other in entries:
            if other.has_private_key and other.key_der == entry.key_der:
                entry = replace(entry, private_key=other.private_key, refusal=other.refusal)
                break
        return entry, entries

    def _opened(self, store_type: int, store: bytes) -> list[Entry]:
        from gpgmail.certificates import stores

        return stores.open_store(
            store_type, store, store_password=self.store_password, key_password=self.opens_keys
        )


def as_text(value: bytes) -> str:
    """Return a store or a certificate as text, in Base64 where it is none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
