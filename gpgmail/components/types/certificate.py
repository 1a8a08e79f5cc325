"""`Certificate`: names a certificate, and shows its facts once it is found.

It is looked for in its store when a value is read or the certificate is used, never before, and
anew after every change. Text and bytes of a store, and of an encoded certificate, are one value.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gpgmail.certificates import stores
from gpgmail.certificates.facts import CertificateFacts
from gpgmail.certificates.kinds import PUBLIC_KEY_FILE, USER
from gpgmail.certificates.naming import STORE, Naming, as_text
from gpgmail.components import wording
from gpgmail.core.declare import Declared, Row, is_set, prop, stated
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gpgmail.certificates.entry import Entry
    from gpgmail.core.errors import GpgmailError
    from gpgmail.transport.tls.client import ClientCertificateOptions

F = TypeVar("F")

_PREFIX = "ssl_cert_"

# The lines of a constructor's configuration: what each takes where it can mean nothing here.
_INERT = {"PersistPFXKey": "true", "UseInternalSecurityAPI": "false"}


class Certificate(Declared):
    """Names a certificate: a store and in it a subject, or the certificate itself.

    `Certificate()`, `Certificate(encoded)`, `Certificate(file)`, and `Certificate(store_type,
    store, store_password, subject)`, where bytes in place of the subject are the certificate whose
    key is in the store, and `configuration` takes the line `Thumbprint=...`.

    A certificate for which nothing is set has the documented defaults; a store without a subject
    means what `*` does. Reading a fact opens the store, and may raise what `facts()` does.
    """

    store_type: int = prop(
        default=USER,
        check=stores.known_type,
        doc="Type of the store by its number in the reference; 99 looks at what is in it.",
    )
    store_password: str = prop(default="", secret=True, doc="Password of the store.")
    key_password: str = prop(
        default="", secret=True, doc="Password of the private key; until set, the store's."
    )

    def __init__(  # the reference's constructors are positional
        self,
        store_type: int | bytes | str | Path = USER,
        store: bytes | str | Path = STORE,
        store_password: str = "",
        subject: str | bytes = "",
        configuration: str = "",
        *,
        encoded: bytes | str = b"",
        key_password: str | None = None,
    ) -> None:
        if not isinstance(store_type, int):
            store_type, store, encoded = _told_apart(store_type)
        super().__init__(store_type=store_type, store_password=store_password)
        if key_password is not None:
            self.key_password = key_password
        self._set_store(_as_bytes("store", store))
        self._set_encoded(_as_bytes("encoded", encoded))
        if isinstance(subject, bytes):
            self.encoded_b = subject
        else:
            self.subject = subject
        for line in configuration.splitlines():
            self._configure(line)

    def _set_up(self) -> None:
        self._store, self._encoded, self._subject = STORE, b"", ""
        self._seen: ClientCertificateOptions | None = None
        self._found: tuple[Naming, Entry, CertificateFacts] | None = None

    @classmethod
    def of(cls, options: ClientCertificateOptions) -> Certificate:
        """Return the view of the client certificate that *options* name."""
        view = cls()
        view._seen = options
        return view

    def copy_to(self, options: ClientCertificateOptions) -> None:
        """Name this certificate in *options*."""
        naming = self._naming()
        options.ssl_cert_store_type = naming.store_type
        options.ssl_cert_store = naming.store
        options.ssl_cert_store_password = naming.store_password.reveal()
        options.ssl_cert_key_password = naming.opens_keys.reveal()
        options.ssl_cert_encoded = naming.encoded
        options.ssl_cert_subject = naming.subject

    def __repr__(self) -> str:
        naming = self._naming()
        shown = {"subject": naming.subject} if naming.subject else {}
        if stores.is_content(naming.store):  # it may hold a private key
            shown["store"] = f"<{len(naming.store)} bytes>"
        elif naming.store != STORE:
            shown["store"] = self.store
        if naming.encoded:
            shown["encoded"] = f"<{len(naming.encoded)} bytes>"
        own = "".join(f", {name}={value!r}" for name, value in shown.items())
        rows = super().__repr__().removesuffix(")")
        return f"{rows}{own if not rows.endswith('(') else own.removeprefix(', ')})"

    # ---- what selects ----

    @property
    def store(self) -> str:
        """The store: a path or the content, by its type; binary content reads as Base64."""
        return as_text(self.store_b)

    @store.setter
    def store(self, value: str) -> None:
        self._set_store(_as_bytes("store", value, str))

    @property
    def store_b(self) -> bytes:
        """The store as bytes."""
        return self._naming().store

    @store_b.setter
    def store_b(self, value: bytes) -> None:
        self._set_store(_as_bytes("store_b", value, bytes))

    @property
    def subject(self) -> str:
        """The full subject of the certificate; set it, or a part of it, `*` or `Thumbprint=...`.

        Names are as in `CN=mail.example, O="Example, Inc.", C=DE`. Setting it drops `encoded`.
        """
        return self._fact(lambda facts: facts.subject, "")

    @subject.setter
    def subject(self, value: str) -> None:
        if not isinstance(value, str):
            raise _wrong_type("subject", "str", value)
        self._subject = value.strip()
        if self._subject:
            self._encoded = b""
        self._note("subject", self._subject)

    @property
    def encoded(self) -> str:
        """The certificate in PEM or Base64; set it to name one, whose key may be in the store."""
        return as_text(self.encoded_b)

    @encoded.setter
    def encoded(self, value: str) -> None:
        self._set_encoded(_as_bytes("encoded", value, str))

    @property
    def encoded_b(self) -> bytes:
        """The certificate as bytes: what was set, or the PEM of the one that was found."""
        return self._naming().encoded or self._fact(lambda facts: facts.encoded.encode(), b"")

    @encoded_b.setter
    def encoded_b(self, value: bytes) -> None:
        self._set_encoded(_as_bytes("encoded_b", value, bytes))

    @property
    def blank(self) -> bool:
        """Whether nothing was set that could name a certificate."""
        return self._naming().blank

    # ---- facts ----

    @property
    def effective_date(self) -> str:
        """When the certificate begins, as `23-Jan-2000 15:00:00` in the machine's time zone."""
        return self._fact(lambda facts: _date(facts.effective_date), "")

    @property
    def expiration_date(self) -> str:
        """When the certificate ends, as `effective_date`."""
        return self._fact(lambda facts: _date(facts.expiration_date), "")

    @property
    def issuer(self) -> str:
        """The issuer, written as the subject is."""
        return self._fact(lambda facts: facts.issuer, "")

    @property
    def serial_number(self) -> str:
        """The serial number in hexadecimal, two digits a byte."""
        return self._fact(lambda facts: facts.serial_number, "")

    @property
    def version(self) -> str:
        """The version: V1 or V3."""
        return self._fact(lambda facts: facts.version, "")

    @property
    def signature_algorithm(self) -> str:
        """The algorithm of the issuer's signature as openssl names it, or its OID."""
        return self._fact(lambda facts: facts.signature_algorithm, "")

    @property
    def subject_alt_names(self) -> str:
        """The further names, as `DNS:mail.example, IP Address:127.0.0.1`."""
        return self._fact(lambda facts: facts.subject_alt_names, "")

    @property
    def usage(self) -> str:
        """What the key may be used for, in words separated by commas."""
        return self._fact(lambda facts: facts.usage, "")

    @property
    def usage_flags(self) -> int:
        """What the key may be used for, as flags (RFC 5280 section 4.2.1.3)."""
        return self._fact(lambda facts: facts.usage_flags, 0)

    @property
    def extended_key_usage(self) -> str:
        """The OIDs of what the certificate is for, separated by commas."""
        return self._fact(lambda facts: facts.extended_key_usage, "")

    @property
    def thumbprint_md5(self) -> str:
        """The MD5 sum of the certificate, in upper case with colons; empty for a bare key."""
        return self._fact(lambda facts: facts.thumbprint_md5, "")

    @property
    def thumbprint_sha1(self) -> str:
        """The SHA-1 sum of the certificate."""
        return self._fact(lambda facts: facts.thumbprint_sha1, "")

    @property
    def thumbprint_sha256(self) -> str:
        """The SHA-256 sum of the certificate."""
        return self._fact(lambda facts: facts.thumbprint_sha256, "")

    @property
    def fingerprint(self) -> str:
        """The MD5 sum of the certificate, or of a bare key in SSH's form; lower case, colons."""
        return self._fact(lambda facts: facts.fingerprint, "")

    @property
    def fingerprint_sha1(self) -> str:
        """The SHA-1 sum of what `fingerprint` is of."""
        return self._fact(lambda facts: facts.fingerprint_sha1, "")

    @property
    def fingerprint_sha256(self) -> str:
        """The SHA-256 sum of what `fingerprint` is of."""
        return self._fact(lambda facts: facts.fingerprint_sha256, "")

    @property
    def public_key(self) -> str:
        """The public key in PEM."""
        return self._fact(lambda facts: facts.public_key, "")

    @property
    def public_key_algorithm(self) -> str:
        """The algorithm of the key: RSA, EC, Ed25519, Ed448, DSA, or an OID."""
        return self._fact(lambda facts: facts.public_key_algorithm, "")

    @property
    def public_key_length(self) -> int:
        """The length of the key in bits."""
        return self._fact(lambda facts: facts.public_key_length, 0)

    @property
    def private_key(self) -> str:
        """The private key in PEM without a password; empty where there is none.

        Raises:
            PassphraseError: If `key_password` is missing or wrong.
        """
        if not self.blank:
            self.entry()
        return self._fact(lambda facts: facts.private_key.reveal(), "")

    @property
    def private_key_available(self) -> bool:
        """Whether the private key is here, even if it does not open."""
        return self._fact(lambda facts: facts.private_key_available, default=False)

    @property
    def private_key_container(self) -> str:
        """The key's container, which exists only on Windows: always empty."""
        return self._fact(lambda facts: facts.private_key_container, "")

    # ---- resolving ----

    def facts(self) -> CertificateFacts:
        """Return what the certificate says, as plain data.

        Raises:
            TlsError: With code 271 if a store does not open, 272 if nothing in it matches.
            PassphraseError: If the store's password is missing or wrong.
            UnsupportedError: If stores of this type cannot be read here.
        """
        return self._resolved()[2]

    def entry(self) -> Entry:
        """Return the certificate and its key as objects of `cryptography`, to be used.

        Raises what `facts()` does, and:

        Raises:
            PassphraseError: If the password of the private key is missing or wrong.
        """
        entry = self._resolved()[1]
        if entry.refusal is not None:
            raise entry.refusal
        return entry

    def _resolved(self) -> tuple[Naming, Entry, CertificateFacts]:
        naming = self._naming()
        if self._found is None or self._found[0] != naming:
            entry = naming.find()
            self._found = naming, entry, CertificateFacts.of(entry)
        return self._found

    def _naming(self) -> Naming:
        if self._seen is not None:
            return Naming.of(self._seen, _PREFIX)
        return Naming(
            self.store_type,
            self._store,
            Secret(self.store_password),
            Secret(stated(self, "key_password")) if is_set(self, "key_password") else None,
            self._subject,
            self._encoded,
        )

    def _fact(self, of: Callable[[CertificateFacts], F], default: F) -> F:
        return default if self.blank else of(self.facts())

    # ---- setting ----

    def _set_store(self, value: bytes) -> None:
        self._store = value or STORE
        self._note("store", self._store)

    def _set_encoded(self, value: bytes) -> None:
        self._encoded = value
        if value:
            self._subject = ""
        self._note("encoded", value)

    def _note(self, name: str, value: object) -> None:
        """Look for the certificate anew, and tell the options that this is a view of."""
        self._found = None
        if self._seen is not None:
            setattr(self._seen, f"{_PREFIX}{name}", value)

    def _configure(self, line: str) -> None:
        """Take a line of a constructor's configuration."""
        name, _, value = (part.strip() for part in line.partition("="))
        if name == "Thumbprint":
            self.subject = f"Thumbprint={value}"
        elif name in _INERT:
            if value.lower() != _INERT[name]:
                raise Situation.UNSUPPORTED_HERE.error(
                    "means something only on Windows",
                    subject=name,
                    hint=f"leave it at {_INERT[name]}",
                )
        elif line.strip():
            raise Situation.BAD_VALUE.error("is no line of a configuration", subject=name)

    def _current(self, row: Row, value: Any) -> Any:  # noqa: ANN401 - of any row
        if row.name == "key_password":
            return self._naming().opens_keys.reveal()
        return value if self._seen is None else getattr(self._seen, f"{_PREFIX}{row.name}")

    def _after_set(self, row: Row) -> None:
        self._note(row.name, self._values[row.name])


def _told_apart(given: bytes | str | Path) -> tuple[int, bytes | str | Path, bytes | str]:
    """Return type, store and encoded certificate for the one argument of a constructor.

    Bytes are a certificate, a Path is a file, and text is what it looks like.
    """
    if isinstance(given, bytes):
        return USER, STORE, given
    if not given or (isinstance(given, str) and stores.is_content(_as_bytes("encoded", given))):
        return USER, STORE, str(given)
    return PUBLIC_KEY_FILE, given, b""


def _as_bytes(name: str, value: object, *kinds: type) -> bytes:
    if not isinstance(value, kinds or (bytes, str, Path)):
        raise _wrong_type(name, " or ".join(kind.__name__ for kind in kinds) or "bytes", value)
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")


def _wrong_type(name: str, wanted: str, value: object) -> GpgmailError:
    return Situation.BAD_VALUE.error(f"takes {wanted}, not {type(value).__name__}", subject=name)


def _date(when: datetime | None) -> str:
    """Return a date in the machine's time zone; the last ones of year 9999 may have none there."""
    if when is None:
        return ""
    try:
        return wording.date(when.astimezone())
    except OverflowError:
        return wording.date(when)
