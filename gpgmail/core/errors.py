"""What callers catch. Few classes, many codes.

GpgmailError
 ├─ UsageError (ValueError)         an argument is missing or not allowed
 ├─ StateError (RuntimeError)       not now: busy, connected, at another step of the message
 ├─ UnsupportedError                cannot be had here
 ├─ PolicyError                     refused, because going on would be unsafe
 ├─ EngineError                     gpg is missing, too old, or failed
 │   ├─ KeyringError                a place that should hold keys cannot be read
 │   ├─ KeySelectionError           no key, or not exactly one: `candidates` says why
 │   ├─ PassphraseError             missing or wrong
 │   └─ CryptoError                 signing, encrypting, decrypting or verifying failed
 ├─ MessageError                    an attachment, a source, or a mail that does not parse
 └─ DeliveryError (OSError)         on the way to the server
     ├─ ConnectError                no connection, or it was lost
     ├─ TlsError                    handshake or certificate
     ├─ ServerError                 the server said no: `reply`, `refused`
     └─ TimeLimitError (TimeoutError)
Cancelled is a GpgmailError too: the caller interrupted.

Classes carry data and no logic. Which class and code a situation gets is a row of `situations.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.codes import Exit, Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gpgmail.core.codes import ErrorCode
    from gpgmail.core.replies import Reply


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that was looked at, whether it was taken, and why.

    `user_id` is the one that fits. `subkey` is the fingerprint of the (sub)key that would do the
    work, empty where none can; `expires` is when the first of both ends. `obstacle` is the kind of
    reason: empty for the key that was taken, else `choice` (another one is as good, or comes
    first), `trust`, `state`, `usage`, or `match` (it only looks like what was asked for). `command`
    is a line for a shell that would end the obstacle, where there is one.
    """

    fingerprint: str
    user_id: str
    reason: str
    keyring: str = ""
    subkey: str = ""
    expires: datetime | None = None
    obstacle: str = ""
    command: str = ""

    @property
    def taken(self) -> bool:
        """Whether this is the key that was chosen."""
        return not self.obstacle

    def __str__(self) -> str:
        shown = self.user_id if self.user_id.isprintable() else ascii(self.user_id)
        return f"{self.fingerprint} {shown}: {self.reason}"


class GpgmailError(Exception):
    """Base of everything that is raised on purpose.

    `code` is the row of the error, `subject` the object it is about, `detail` what happened to
    it, `hint` what to do; `retry` says whether the same call can succeed later.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        subject: str = "",
        hint: str = "",
        retry: Retry | None = None,
    ) -> None:
        self.code = code
        self.detail = detail
        self.subject = subject
        self.hint = hint
        self.retry = retry or code.retry
        about = f"{subject}: " if subject else ""
        advice = f" ({hint})" if hint else ""
        super().__init__(f"{code.text}: {about}{detail}{advice}")

    @property
    def exit_code(self) -> Exit:
        """The exit code of `sysexits.h`: that of the code, or that it may work later."""
        later = self.retry is Retry.LATER and self.code.retry is Retry.NO
        return Exit.TRY_AGAIN if later else self.code.exit_code

    def __str__(self) -> str:
        return str(self.args[0])


class UsageError(GpgmailError, ValueError):
    """An argument is missing or not allowed."""


class StateError(GpgmailError, RuntimeError):
    """The call is right but not now."""


class UnsupportedError(GpgmailError):
    """Cannot be had on this machine, with this gpg or engine."""


class PolicyError(GpgmailError):
    """Refused, because going on would be unsafe."""


class EngineError(GpgmailError):
    """Gpg is missing, too old, or failed."""


class KeyringError(EngineError):
    """A place that should hold keys cannot be read."""


class KeySelectionError(EngineError):
    """No key, or not exactly one, fits; `candidates` lists what was looked at."""

    candidates: tuple[Candidate, ...] = ()


class PassphraseError(EngineError):
    """The passphrase of a key is missing or wrong."""


class CryptoError(EngineError):
    """Signing, encrypting, decrypting or verifying failed."""


class MessageError(GpgmailError):
    """An attachment, a source, or a mail that does not parse."""


class DeliveryError(GpgmailError, OSError):
    """Something failed on the way to the server; `accepted` names who has the mail already."""

    accepted: tuple[str, ...] = ()


class ConnectError(DeliveryError):
    """There is no connection, or it was lost."""


class TlsError(DeliveryError):
    """The TLS handshake failed, or the certificate is not the server's."""


class ServerError(DeliveryError):
    """The server said no; `reply` has its words, `refused` those for each address."""

    reply: Reply | None = None
    refused: Mapping[str, Reply] = {}


class TimeLimitError(DeliveryError, TimeoutError):
    """A wait passed its time limit."""


class Cancelled(GpgmailError):  # noqa: N818 - the caller asked for it, nothing failed
    """The caller interrupted the operation."""
