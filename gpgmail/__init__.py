"""Sign and encrypt mail with the GnuPG keys that this machine already has, and deliver it.

Public names load when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.components.psmtp import PSMTP
    from gpgmail.components.smtp import SMTP
    from gpgmail.core.codes import ErrorCode, Family, Retry
    from gpgmail.core.errors import (
        Cancelled,
        Candidate,
        ConnectError,
        CryptoError,
        DeliveryError,
        EngineError,
        GpgmailError,
        KeyringError,
        KeySelectionError,
        MessageError,
        PassphraseError,
        PolicyError,
        ServerError,
        StateError,
        TimeLimitError,
        TlsError,
        UnsupportedError,
        UsageError,
    )
    from gpgmail.core.secret import Secret
    from gpgmail.crypto.engine import Algorithms
    from gpgmail.delivery.mailer import Mailer
    from gpgmail.delivery.receipt import Receipt
    from gpgmail.delivery.rehearsal import Rehearsal
    from gpgmail.gpg.sources import Passphrase
    from gpgmail.keys.key import Key
    from gpgmail.keys.keyring import Keyring
    from gpgmail.message.content import Attachment
    from gpgmail.message.draft import Draft
    from gpgmail.protect.findings import Finding, Rule, Severity
    from gpgmail.protect.headers import ProtectedField, ProtectedHeaders
    from gpgmail.protect.read import read
    from gpgmail.protect.variant import Variant
    from gpgmail.protect.verdict import Cover, Outcome, ReadMail, ReadPart, Verdict
    from gpgmail.protect.verify import Report, verify

__version__ = "0.1.0"

_HOMES = {
    "gpgmail.components.psmtp": ("PSMTP",),
    "gpgmail.components.smtp": ("SMTP",),
    "gpgmail.core.codes": ("ErrorCode", "Family", "Retry"),
    "gpgmail.core.errors": (
        "Cancelled",
        "Candidate",
        "ConnectError",
        "CryptoError",
        "DeliveryError",
        "EngineError",
        "GpgmailError",
        "KeySelectionError",
        "KeyringError",
        "MessageError",
        "PassphraseError",
        "PolicyError",
        "ServerError",
        "StateError",
        "TimeLimitError",
        "TlsError",
        "UnsupportedError",
        "UsageError",
    ),
    "gpgmail.core.secret": ("Secret",),
    "gpgmail.crypto.engine": ("Algorithms",),
    "gpgmail.delivery.mailer": ("Mailer",),
    "gpgmail.delivery.receipt": ("Receipt",),
    "gpgmail.delivery.rehearsal": ("Rehearsal",),
    "gpgmail.gpg.sources": ("Passphrase",),
    "gpgmail.keys.key": ("Key",),
    "gpgmail.keys.keyring": ("Keyring",),
    "gpgmail.message.content": ("Attachment",),
    "gpgmail.message.draft": ("Draft",),
    "gpgmail.protect.findings": ("Finding", "Rule", "Severity"),
    "gpgmail.protect.read": ("read",),
    "gpgmail.protect.headers": ("ProtectedField", "ProtectedHeaders"),
    "gpgmail.protect.variant": ("Variant",),
    "gpgmail.protect.verdict": ("Cover", "Outcome", "ReadMail", "ReadPart", "Verdict"),
    "gpgmail.protect.verify": ("Report", "verify"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "PSMTP",
    "SMTP",
    "Algorithms",
    "Attachment",
    "Cancelled",
    "Candidate",
    "ConnectError",
    "Cover",
    "CryptoError",
    "DeliveryError",
    "Draft",
    "EngineError",
    "ErrorCode",
    "Family",
    "Finding",
    "GpgmailError",
    "Key",
    "KeySelectionError",
    "Keyring",
    "KeyringError",
    "Mailer",
    "MessageError",
    "Outcome",
    "Passphrase",
    "PassphraseError",
    "PolicyError",
    "ProtectedField",
    "ProtectedHeaders",
    "ReadMail",
    "ReadPart",
    "Receipt",
    "Rehearsal",
    "Report",
    "Retry",
    "Rule",
    "Secret",
    "ServerError",
    "Severity",
    "StateError",
    "TimeLimitError",
    "TlsError",
    "UnsupportedError",
    "UsageError",
    "Variant",
    "Verdict",
    "read",
    "verify",
]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
