"""What the project tells its caller while it works.

Parameter names are those of the reference pages. `writable` parameters are read back after the
handler returned. Components offer each as a property named by `handler`; the toolkit face by
`on(EventType, handler)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from datetime import datetime


class Direction(IntEnum):
    """Who said a line of a transcript."""

    CLIENT = 0
    SERVER = 1
    INFO = 2


@dataclass(slots=True)
class Event:
    """Base of all events."""

    handler: ClassVar[str]


@dataclass(slots=True)
class ConnectionStatus(Event):
    """The connection was made, secured or closed; `status_code` is 0 where nothing went wrong."""

    handler = "on_connection_status"
    connection_event: str
    status_code: int
    description: str


@dataclass(slots=True)
class StartTransfer(Event):
    """The content begins to go out (0) or come in (1)."""

    handler = "on_start_transfer"
    direction: int


@dataclass(slots=True)
class Transfer(Event):
    """Content went out; `percent_done` is -1 where the whole is not known."""

    handler = "on_transfer"
    direction: int
    bytes_transferred: int
    percent_done: int
    text: bytes


@dataclass(slots=True)
class EndTransfer(Event):
    """The content is out (0) or in (1)."""

    handler = "on_end_transfer"
    direction: int


@dataclass(slots=True)
class ErrorReport(Event):
    """Something failed that did not stop the operation, or is about to be raised."""

    handler = "on_error"
    error_code: int
    description: str


@dataclass(slots=True)
class Expand(Event):
    """The server named one of those whom a mailing list stands for, maybe with his name."""

    handler = "on_expand"
    address: str


@dataclass(slots=True)
class KeyExpires(Event):
    """A key that a mail is made with ends soon; `purpose` is signing or encryption.

    Told once for each key of a mailer; on components by `on_status` and the log alone.
    """

    handler = "on_key_expires"
    user_id: str
    fingerprint: str
    purpose: str
    expires: datetime

    def __str__(self) -> str:
        shown = self.user_id if self.user_id.isprintable() else ascii(self.user_id)
        return (
            f"the {self.purpose} key {self.fingerprint} {shown} expires on {self.expires:%Y-%m-%d}"
        )


@dataclass(slots=True)
class KeyPassphrase(Event):
    """A key's passphrase is missing or wrong; a handler sets `passphrase`, or leaves it empty.

    `was_wrong` tells whether the key refused the last one. User id, key id and fingerprint are
    empty where a message wants a passphrase of its own. The passphrase is taken out again.
    """

    handler = "on_key_passphrase"
    user_id: str
    key_id: str
    fingerprint: str
    passphrase: str = field(default="", repr=False)
    was_wrong: bool = False


@dataclass(slots=True)
class PITrail(Event):
    """A line of the protocol, without content and with secrets masked."""

    handler = "on_pi_trail"
    direction: int
    message: str


@dataclass(slots=True)
class Progress(Event):
    """Cryptographic work went on; `percent_processed` is -1 where the whole is not known."""

    handler = "on_progress"
    bytes_processed: int
    percent_processed: int


@dataclass(slots=True)
class SSLServerAuthentication(Event):
    """The server showed its certificate; nothing of the mail was sent. A handler sets `accept`.

    `accept` is True and `status` OK where it verifies, else `status` says what is wrong with it.
    `cert_encoded` is PEM.
    """

    handler = "on_ssl_server_authentication"
    cert_encoded: bytes
    cert_subject: str
    cert_issuer: str
    status: str
    accept: bool


@dataclass(slots=True)
class SSLStatus(Event):
    """A step of the TLS handshake."""

    handler = "on_ssl_status"
    message: str


@dataclass(slots=True)
class Status(Event):
    """Information for people; `level` is 1 for information, 2 for detail, 3 for debugging."""

    handler = "on_status"
    message: str
    level: int = 1
