"""What every failure on the way to a server means: the one table of this room.

Errors of the operating system, the resolver, ssl and smtplib, and the refusals of servers, become
ours here and nowhere else. Everything below only says what it was doing (`Step`).

A lost connection is 1120 and a time limit 201 whatever call met it, so 10054 and 10060 are never
given. During the TLS handshake a lost connection is the handshake's failure (276).

What is decided about an answer, or about none, at every step:

| answer                                | connection | the mail                                   |
|---------------------------------------|------------|--------------------------------------------|
| what was asked for                    | stays      | goes on                                    |
| 4xx, 5xx to MAIL, DATA or the content | stays      | refused: temporary, permanent              |
| 4xx, 5xx to RCPT                      | stays      | goes on, unless nobody is left or it stops |
| 421                                   | ended      | refused, temporary                         |
| 5xx to BDAT, as to no command         | ended      | refused                                    |
| anything to RSET but 2xx              | ended      | not begun: safe to send again              |
| what fits no command, lost, too late  | ended      | safe to send again before its end went out |
|                                       |            | doubtful after it, unless nobody was taken |

The end is the final dot, or the last chunk. Only a goodbye on a connection that waited between two
mails is answered by a new connection, once, and only while nothing of the content was asked for.
"""

from __future__ import annotations

import errno
import smtplib
import socket
import ssl
from enum import Enum, auto
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode as Code
from gpgmail.core.codes import Retry
from gpgmail.core.errors import Cancelled, GpgmailError, TimeLimitError
from gpgmail.core.replies import Reply
from gpgmail.core.situations import Situation
from gpgmail.transport.replies import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class Step(Enum):
    """What the connection was doing when something failed."""

    CONNECT = auto()
    HANDSHAKE = auto()
    READ = auto()
    WRITE = auto()


class Meaning(Enum):
    """What an answer means for its command."""

    AGREES = auto()
    REFUSES = auto()
    ENDS = auto()
    UNFIT = auto()


DONE = range(200, 300)
CONTENT = range(354, 355)  # send it

Verdict = tuple[Situation, Code]

_FOREIGN = (OSError, EOFError, UnicodeError, smtplib.SMTPException)


def _plain(situation: Situation) -> Verdict:
    return situation, situation.code


_DROPPED = _plain(Situation.DROPPED)
_TIME_LIMIT = _plain(Situation.TIME_LIMIT)
_NETWORK = _plain(Situation.NETWORK)
_HANDSHAKE = _plain(Situation.TLS_HANDSHAKE)
_REFUSED = _plain(Situation.SERVER_REFUSED)

_LOST = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN)

# errno -> number, where the situation is a trouble of the network or of this machine.
_NUMBERS: Mapping[int, Code] = {
    errno.EINTR: Code.IP_INTERRUPTED,
    errno.EBADF: Code.IP_BAD_FILE,
    errno.EACCES: Code.IP_ACCESS,
    errno.EPERM: Code.IP_ACCESS,
    errno.EFAULT: Code.IP_BAD_ADDRESS,
    errno.EINVAL: Code.IP_INVALID,
    errno.EMFILE: Code.IP_TOO_MANY_FILES,
    errno.ENFILE: Code.IP_TOO_MANY_FILES,
    errno.EAGAIN: Code.IP_WOULD_BLOCK,
    errno.EINPROGRESS: Code.IP_IN_PROGRESS,
    errno.EALREADY: Code.IP_ALREADY,
    errno.ENOTSOCK: Code.IP_NOT_SOCKET,
    errno.EDESTADDRREQ: Code.IP_DESTINATION,
    errno.EMSGSIZE: Code.IP_MESSAGE_SIZE,
    errno.EPROTOTYPE: Code.IP_PROTOCOL_TYPE,
    errno.ENOPROTOOPT: Code.IP_PROTOCOL_OPTION,
    errno.EPROTONOSUPPORT: Code.IP_PROTOCOL,
    errno.ESOCKTNOSUPPORT: Code.IP_SOCKET_TYPE,
    errno.EOPNOTSUPP: Code.IP_OPERATION,
    errno.EPFNOSUPPORT: Code.IP_PROTOCOL_FAMILY,
    errno.EAFNOSUPPORT: Code.IP_ADDRESS_FAMILY,
    errno.EADDRINUSE: Code.IP_ADDRESS_IN_USE,
    errno.EADDRNOTAVAIL: Code.IP_ADDRESS_UNAVAILABLE,
    errno.ENETDOWN: Code.IP_NETWORK_DOWN,
    errno.ENETUNREACH: Code.IP_NETWORK_UNREACHABLE,
    errno.ENETRESET: Code.IP_NETWORK_RESET,
    errno.ENOBUFS: Code.IP_NO_BUFFERS,
    errno.EISCONN: Code.IP_IS_CONNECTED,
    errno.ETOOMANYREFS: Code.IP_TOO_MANY_REFERENCES,
    errno.ELOOP: Code.IP_LOOP,
    errno.ENAMETOOLONG: Code.IP_NAME_TOO_LONG,
    errno.EHOSTDOWN: Code.IP_HOST_DOWN,
    errno.EHOSTUNREACH: Code.IP_HOST_UNREACHABLE,
    errno.EUSERS: Code.IP_TOO_MANY_USERS,
    errno.EDQUOT: Code.IP_QUOTA,
    errno.ESTALE: Code.IP_STALE,
    errno.EREMOTE: Code.IP_REMOTE,
}

ERRNO: Mapping[int, Verdict] = {
    **{number: (Situation.NETWORK, code) for number, code in _NUMBERS.items()},
    **dict.fromkeys(_LOST, _DROPPED),
    errno.ECONNREFUSED: _plain(Situation.REFUSED),
    errno.ETIMEDOUT: _TIME_LIMIT,
}

# Some libcs lack the obsolete ones.
RESOLVER: Mapping[int, Verdict] = {
    getattr(socket, name): (Situation.DNS, code)
    for name, code in {
        "EAI_NONAME": Code.DNS_NOT_FOUND,
        "EAI_AGAIN": Code.DNS_TRY_AGAIN,
        "EAI_FAIL": Code.DNS_NO_RECOVERY,
        "EAI_NODATA": Code.DNS_NO_DATA,
        "EAI_ADDRFAMILY": Code.DNS_NO_DATA,
    }.items()
    if hasattr(socket, name)
}

# The nearest class of an error's ancestors decides, where its number did not.
CLASSES: Mapping[type[BaseException], Verdict] = {
    OSError: _NETWORK,
    EOFError: _DROPPED,
    ConnectionError: _DROPPED,
    ConnectionRefusedError: ERRNO[errno.ECONNREFUSED],
    TimeoutError: _TIME_LIMIT,
    socket.gaierror: (Situation.DNS, Code.DNS_NO_RECOVERY),
    socket.herror: (Situation.DNS, Code.DNS_NO_RECOVERY),
    UnicodeError: (Situation.DNS, Code.TCP_REMOTE_HOST_INVALID),  # no host name: IDNA refuses it
    ssl.SSLError: _HANDSHAKE,
    ssl.SSLCertVerificationError: _plain(Situation.TLS_VERIFY),
    ssl.SSLEOFError: _DROPPED,
    ssl.SSLZeroReturnError: _DROPPED,
    ssl.SSLSyscallError: _DROPPED,
    smtplib.SMTPException: _NETWORK,
    smtplib.SMTPNotSupportedError: _plain(Situation.NOT_FOR_SERVER),
    smtplib.SMTPServerDisconnected: _DROPPED,
    smtplib.SMTPResponseException: _REFUSED,
    smtplib.SMTPRecipientsRefused: _REFUSED,
}

# What OpenSSL's own failures are called where the handshake is over.
_TLS_NUMBERS = {Step.READ: Code.SSL_DECRYPT, Step.WRITE: Code.SSL_ENCRYPT}

_NO_VERSION = "the server has no version that SSLEnabledProtocols names"
_TLS_HINTS = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS at once at this port: try STARTTLS",
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _NO_VERSION,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "nothing that both sides can do, see SSLEnabledCipherSuites, "
    "SSLCipherStrength, OpenSSLCipherList and TLS13SupportedGroups; or the server wants a client "
    "certificate: ssl_cert",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a client certificate: set ssl_cert",
}
# What servers say of a client certificate; under TLS 1.3 we hear it behind the handshake.
_CERTIFICATE_ALERTS = (
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    "TLSV1_ALERT_ACCESS_DENIED",
    "TLSV1_ALERT_UNKNOWN_CA",
)
_TLS_HINTS.update(
    dict.fromkeys(
        _CERTIFICATE_ALERTS,
        "the server does not take the client certificate: see ssl_cert, and SSLCACerts for what "
        "stands between it and its root",
    )
)
_OF_THE_HANDSHAKE = frozenset({*_CERTIFICATE_ALERTS, "TLSV13_ALERT_CERTIFICATE_REQUIRED"})
# By OpenSSL's numbers (x509_vfy.h).
_VERIFY_HINTS = {
    **dict.fromkeys((62, 64), "name the server in mail_server as its certificate does"),
    **dict.fromkeys((9, 10), "the server needs a new certificate, or this machine the right time"),
}
_VERIFY_HINT = (
    "trust its authority by ca_file (OpenSSLCAFile, SSLServerCACerts), or this certificate alone "
    "by ssl_accept_server_cert_encoded"
)
_REFUSES = 400
_SERVICE_ENDS = 421  # may answer any command, and the connection ends (RFC 5321 section 3.8)
_MAYBE = "the server may have taken the mail"


def meaning(code: int, wanted: range = DONE) -> Meaning:
    """Return what an answer means where one of *wanted* is what was asked for."""
    if code in wanted:
        return Meaning.AGREES
    if code == _SERVICE_ENDS:
        return Meaning.ENDS
    return Meaning.REFUSES if code >= _REFUSES else Meaning.UNFIT


def judge(error: BaseException, step: Step, subject: str) -> GpgmailError:
    """Return what *error* means to the caller; *subject* says with whom and at what."""
    if isinstance(error, smtplib.SMTPResponseException):
        reply = _reply(error.smtp_code, error.smtp_error)
        fits = meaning(reply.code) in {Meaning.REFUSES, Meaning.ENDS}
        return refusal(reply, subject) if fits else malformed(f"no answer here: {reply}", subject)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all_refused({who: _reply(*said) for who, said in error.recipients.items()}, subject)
    situation, code = _verdict(error)
    if step is Step.HANDSHAKE and situation is Situation.DROPPED:
        situation, code = _HANDSHAKE
    elif situation is Situation.TLS_HANDSHAKE and _reason(error) not in _OF_THE_HANDSHAKE:
        code = _TLS_NUMBERS.get(step, code)
    # What is settled by a setting, here or there, does not settle itself by waiting.
    retry = Retry.NO if _reason(error) in _TLS_HINTS else None
    return situation.error(
        _words(error), subject=subject, code=code, hint=_hint(error), retry=retry
    )


class crossing:  # noqa: N801 - reads as a statement, and a generator would cost four times as much
    """Let foreign errors of the block out as ours; keep callers' handlers out of such blocks."""

    __slots__ = ("_step", "_subject")

    def __init__(self, step: Step, subject: str) -> None:
        self._step = step
        self._subject = subject

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, _FOREIGN) and not isinstance(error, GpgmailError):
            raise judge(error, self._step, self._subject) from error


def _verdict(error: BaseException) -> Verdict:
    found = _numbers(error).get(getattr(error, "errno", None) or 0)
    return found or next(CLASSES[kind] for kind in type(error).__mro__ if kind in CLASSES)


def _numbers(error: BaseException) -> Mapping[int, Verdict]:
    """Return the table that the number of *error* belongs to; ssl's are those of its classes."""
    if isinstance(error, socket.gaierror):
        return RESOLVER
    return {} if isinstance(error, ssl.SSLError | socket.herror) else ERRNO


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    words = getattr(error, "reason", "") if isinstance(error, ssl.SSLError | UnicodeError) else ""
    words = words or getattr(error, "strerror", "") or str(error) or "the connection ended"
    return printable(words)


def _hint(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_HINTS.get(getattr(error, "verify_code", 0), _VERIFY_HINT)
    return _TLS_HINTS.get(_reason(error))


def _reason(error: BaseException) -> str:
    return getattr(error, "reason", "") or ""


def _reply(code: int, said: bytes | str) -> Reply:
    words = said.decode("utf-8", "backslashreplace") if isinstance(said, bytes) else said
    return Reply(code, tuple(printable(line) for line in words.split("\n")))


# ------------------------------------------------------------------------------ the server's words


def refusal(
    reply: Reply,
    subject: str,
    refused: Mapping[str, Reply] | None = None,
    *,
    words: str = "",
    hint: str = "",
) -> GpgmailError:
    """Return the error for a server that said no.

    *refused* is for the recipients that it cost, *words* what was said before, in a login, and
    *hint* what to do where trying again is of no use.
    """
    return Situation.SERVER_REFUSED.error(
        f"{reply} ({words})" if words else str(reply),
        subject=subject,
        hint="" if reply.temporary else hint,
        retry=Retry.LATER if reply.temporary else Retry.NO,
        reply=reply,
        refused=refused or {},
    )


def all_refused(refused: Mapping[str, Reply], subject: str) -> GpgmailError:
    """Return the error for a server that took none of the recipients.

    To try again is worth it where one of them was refused for the time being only.
    """
    return Situation.SERVER_REFUSED.error(
        "; ".join(f"{address}: {reply}" for address, reply in refused.items()),
        subject=subject,
        retry=Retry.LATER if any(reply.temporary for reply in refused.values()) else Retry.NO,
        reply=next(iter(refused.values())),
        refused=refused,
    )


def no_starttls(reply: Reply, subject: str) -> GpgmailError:
    """Return the error for a server that offers STARTTLS and then refuses it."""
    return Situation.TLS_HANDSHAKE.error(
        str(reply), subject=subject, retry=Retry.LATER if reply.temporary else Retry.NO
    )


def no_chunking(reply: Reply, subject: str) -> GpgmailError:
    """Return the error for a server that offers CHUNKING and does not know BDAT.

    It may have taken content for commands, so the connection is no good for anything.
    """
    return Situation.SERVER_REFUSED.error(
        f"{reply} (it offers CHUNKING)",
        subject=subject,
        hint="set Chunking=False for this server",
        reply=reply,
    )


def malformed(detail: str, subject: str) -> GpgmailError:
    """Return the error for a server that does not keep to the protocol."""
    return Situation.NETWORK.error(detail, subject=subject)


def is_goodbye(error: GpgmailError) -> bool:
    """Tell whether *error* is that of a server that ends a connection, with 421 or without."""
    reply = getattr(error, "reply", None)
    return meaning(reply.code) is Meaning.ENDS if reply else error.code is Situation.DROPPED.code


def after_the_end(error: GpgmailError) -> GpgmailError:
    """Return what *error* means once the content's end was sent and the answer did not come.

    A time limit and an interruption keep their codes, but not their verdict: to send again may
    duplicate the mail.
    """
    if isinstance(error, TimeLimitError | Cancelled):
        situation = Situation.INTERRUPTED if isinstance(error, Cancelled) else Situation.TIME_LIMIT
        hint = f"{_MAYBE}; {Situation.MAYBE_DELIVERED.hint}"
        return situation.error(error.detail, subject=error.subject, hint=hint, retry=Retry.UNKNOWN)
    return Situation.MAYBE_DELIVERED.error(error.detail, subject=error.subject)
