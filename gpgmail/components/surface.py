"""What each component shows: row sets, collections and events; read by tools/generate.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.components.options import (
    ComponentOptions,
    InertOptions,
    KeyOptions,
    SourceOptions,
)
from gpgmail.components.types.attachment import Attachment
from gpgmail.components.types.key import Key
from gpgmail.components.types.recipient import MessageRecipient
from gpgmail.core import events
from gpgmail.message.options import MessageOptions
from gpgmail.protect.options import ProtectOptions
from gpgmail.transport.options import TransportOptions

if TYPE_CHECKING:
    from gpgmail.core.declare import Declared


@dataclass(frozen=True, slots=True)
class CollectionSurface:
    """A collection, the prefix of its flat accessors, and the fields that those reach."""

    name: str
    prefix: str
    kind: type
    doc: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Face:
    """A component's generated base: what it inherits, and what it adds."""

    name: str
    doc: str
    bases: tuple[str, ...]
    row_sets: tuple[type[Declared], ...]
    collections: tuple[CollectionSurface, ...] = ()


ATTACHMENTS = CollectionSurface(
    "attachments",
    "attachment",
    Attachment,
    "Files that go with the mail.",
    ("file", "name", "content_type", "content_id", "inline"),
)
RECIPIENTS = CollectionSurface(
    "message_recipients",
    "message_recipient",
    MessageRecipient,
    "Whom the mail goes to; `send_to`, `cc` and `b_cc` are read from it.",
    ("address", "name", "options", "recipient_type"),
)
KEYS = CollectionSurface(
    "keys",
    "key",
    Key,
    "Keys that sign.",
    ("encoded", "keyring", "passphrase", "user_id"),
)
RECIPIENT_KEYS = CollectionSurface(
    "recipient_keys",
    "recipient_key",
    Key,
    "Keys that are encrypted to.",
    ("encoded", "keyring", "user_id"),
)

EVENTS = (
    events.ConnectionStatus,
    events.EndTransfer,
    events.ErrorReport,
    events.Expand,
    events.KeyPassphrase,
    events.PITrail,
    events.Progress,
    events.SSLServerAuthentication,
    events.SSLStatus,
    events.StartTransfer,
    events.Status,
    events.Transfer,
)
FACES = (
    Face(
        "Smtp",
        "Plain mail over SMTP.",
        ("Handlers", "Component"),
        (TransportOptions, MessageOptions, SourceOptions, ComponentOptions, InertOptions),
        (ATTACHMENTS, RECIPIENTS),
    ),
    Face(
        "Psmtp",
        "OpenPGP mail over SMTP; everything that SMTP has, and this.",
        ("SmtpAccessors",),
        (ProtectOptions, KeyOptions),
        (KEYS, RECIPIENT_KEYS),
    ),
)
