"""The component face: SMTP and PSMTP as the reference pages describe them, over the same rooms.

Names load on first use: the generator reads `surface.py` while what it writes may be out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpgmail.components.psmtp import PSMTP
    from gpgmail.components.smtp import SMTP
    from gpgmail.components.types.attachment import Attachment
    from gpgmail.components.types.certificate import Certificate
    from gpgmail.components.types.firewall import Firewall
    from gpgmail.components.types.header import Header
    from gpgmail.components.types.key import Key
    from gpgmail.components.types.recipient import MessageRecipient

__all__ = [
    "PSMTP",
    "SMTP",
    "Attachment",
    "Certificate",
    "Firewall",
    "Header",
    "Key",
    "MessageRecipient",
]

_MODULES = {
    "PSMTP": "psmtp",
    "SMTP": "smtp",
    "Attachment": "types.attachment",
    "Certificate": "types.certificate",
    "Firewall": "types.firewall",
    "Header": "types.header",
    "Key": "types.key",
    "MessageRecipient": "types.recipient",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
