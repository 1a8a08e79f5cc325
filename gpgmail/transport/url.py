"""Server URLs: which rows each scheme sets.

    smtps://host[:465]           TLS from the first byte
    smtp://host[:587]            STARTTLS is required, but not of a server on this machine (port 25)
    smtp://host?tls=required     STARTTLS is required of any server
    smtp+insecure://host[:25]    plaintext to anywhere, credentials included
    lmtp://host[:24]             LMTP, with STARTTLS as for smtp://
    lmtp+unix:/path              LMTP to the socket at this path

`user:password@` before the host is percent-decoded. No message repeats any part of a URL but its
scheme: a password that was not percent-encoded may stand where a host, port or query is expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.transport.address import is_loopback
from gpgmail.transport.options import TransportOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Bad = Callable[[str], GpgmailError]

_HINT = (
    "smtp://host:port, with / ? # @ : % in user and password percent-encoded,"
    " optionally ?tls=required"
)
_UNIX = "lmtp+unix:"
_TLS_REQUIRED = "tls=required"
_BOTH_FAMILIES = 2


class _Scheme(NamedTuple):
    """A scheme: its default port, also for a server on this machine, its rows and its queries."""

    port: int
    local_port: int
    queries: Mapping[str, Mapping[str, Any]]


_IMPLICIT = {"ssl_start_mode": 1}
_STARTTLS = {"ssl_start_mode": 2}
_UNLESS_LOCAL = {"ssl_start_mode": 2, "plain_on_loopback": True}
_UNENCRYPTED: Mapping[str, Any] = {"ssl_start_mode": 3}
_PLAIN = {**_UNENCRYPTED, "allow_cleartext_auth": True}
_LMTP: Mapping[str, Any] = {"lmtp": True}

_SCHEMES: Mapping[str, _Scheme] = {
    "smtps": _Scheme(465, 465, {"": _IMPLICIT, _TLS_REQUIRED: _IMPLICIT}),
    "smtp": _Scheme(587, 25, {"": _UNLESS_LOCAL, _TLS_REQUIRED: _STARTTLS}),
    "smtp+insecure": _Scheme(25, 25, {"": _PLAIN}),
    "lmtp": _Scheme(
        24, 24, {"": {**_LMTP, **_UNLESS_LOCAL}, _TLS_REQUIRED: {**_LMTP, **_STARTTLS}}
    ),
}


def parse(url: str) -> TransportOptions:
    """Return the rows that a server URL stands for.

    Raises:
        UsageError: If it is not one; the password is not repeated.
    """
    refuse_controls(url, "server URL")
    if url.lower().startswith(_UNIX):
        return _at_socket(url[len(_UNIX) :])
    parts = split(url, _bad)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise _bad(f"the scheme must be one of {', '.join([*_SCHEMES, _UNIX[:-1]])}")
    if parts.query not in scheme.queries:
        allowed = " or ".join(filter(None, scheme.queries)) or "nothing"
        raise _bad(f"{parts.scheme}:// takes {allowed} after '?'")
    if parts.path not in {"", "/"} or parts.fragment:
        raise _bad("nothing may follow host and port")
    host = decoded(parts.hostname or "", _bad)
    if not host:
        raise Situation.NO_SERVER.error("no host", subject="server URL", hint=_HINT)
    default = scheme.local_port if host == "localhost" or is_loopback(host) else scheme.port
    mail_port = port(parts, default, _bad)
    if not mail_port:
        raise Situation.ZERO_PORT.error("port 0", subject="server URL")
    try:
        return TransportOptions(
            mail_server=host,
            mail_port=mail_port,
            use_ipv6=_BOTH_FAMILIES,
            tcp_no_delay=True,  # what is small comes in whole groups: joining them only waits
            **scheme.queries[parts.query],
            **_login(parts),
        )
    except GpgmailError as error:
        raise _bad(f"{error.subject} is not usable") from None


def _at_socket(rest: str) -> TransportOptions:
    path = decoded(rest, _bad)
    if path.startswith("///"):  # with an empty host, as in file:///path
        path = path[2:]
    if not path.startswith("/") or path.startswith("//"):
        raise _bad(f"{_UNIX} needs an absolute path behind it")
    try:
        return TransportOptions(unix_socket=path, **_LMTP, **_UNENCRYPTED)
    except GpgmailError:
        raise _bad("the path is not usable") from None


def split(url: str, bad: Bad) -> SplitResult:
    """Return the parts of `scheme://host…`, or raise what *bad* makes of the reason."""
    if any(char.isspace() for char in url):
        raise bad("holds a blank")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise bad("host and port are not readable") from None
    if not parts.netloc:
        raise bad("is not scheme://host")
    return parts


def port(parts: SplitResult, default: int, bad: Bad) -> int:
    """Return the port of a URL that was split."""
    try:
        return default if parts.port is None else parts.port
    except ValueError:
        raise bad("the port is not a number up to 65535") from None


def decoded(text: str, bad: Bad) -> str:
    """Return *text* with its percent-encoding undone."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise bad("percent-encoded bytes are not UTF-8") from None


def _login(parts: SplitResult) -> Mapping[str, Any]:
    if parts.username is None:
        return {}
    user = decoded(parts.username, _bad)
    password = decoded(parts.password or "", _bad)
    if not user:
        raise _bad("has a password without a user")
    return {"user": user, "password": password}


def _bad(detail: str) -> GpgmailError:
    return Situation.BAD_VALUE.error(detail, subject="server URL", hint=_HINT)
