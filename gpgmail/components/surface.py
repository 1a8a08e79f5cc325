"""What each component shows: row sets, collections and events; read by tools/generate.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpgmail.components.options import ComponentOptions
from gpgmail.components.types import Attachment, Key
from gpgmail.core import events
from gpgmail.core.declare import Declared
from gpgmail.message.options import MessageOptions
from gpgmail.protect.options import ProtectOptions
from gpgmail.transport.options import TransportOptions


@dataclass(frozen=True, slots=True)
class CollectionSurface:
    """A collection, the prefix of its flat accessors, and the fields that those reach."""

    name: str
    prefix: str
    kind: type
    doc: str
    fields: Mapping[str, str]


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
    {"file": "str", "name": "str"},
)
KEYS = CollectionSurface(
    "keys",
    "key",
    Key,
    "Keys that sign.",
    {"encoded": "bytes | str", "keyring": "str", "passphrase": "str", "user_id": "str"},
)
RECIPIENT_KEYS = CollectionSurface(
    "recipient_keys",
    "recipient_key",
    Key,
    "Keys that are encrypted to.",
    {"encoded": "bytes | str", "keyring": "str", "user_id": "str"},
)

EVENTS = (
    events.ConnectionStatus,
    events.EndTransfer,
    events.ErrorReport,
    events.KeyPassphrase,
    events.PITrail,
    events.Progress,
    events.StartTransfer,
    events.Status,
    events.Transfer,
)
FACES = (
    Face(
        "Smtp",
        "Plain mail over SMTP.",
        ("Handlers",),
        (TransportOptions, MessageOptions, ComponentOptions),
        (ATTACHMENTS,),
    ),
    Face(
        "Psmtp",
        "OpenPGP mail over SMTP; everything that SMTP has, and this.",
        ("SmtpAccessors",),
        (ProtectOptions,),
        (KEYS, RECIPIENT_KEYS),
    ),
)
COLLECTIONS = tuple(collection for face in FACES for collection in face.collections)
