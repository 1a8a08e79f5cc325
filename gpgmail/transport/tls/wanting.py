"""A server that wants a client certificate and says so only behind the handshake.

Under TLS 1.3 the handshake is over for us before the server has looked for our certificate. What
comes then is an alert, its words with 421, or the end of the connection. The alerts are in
`failures`; what is read here gets the same hint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from gpgmail.core.errors import ConnectError, GpgmailError, ServerError
from gpgmail.transport.tls.client import naming

if TYPE_CHECKING:
    from gpgmail.transport.session import Session

_MISSING = "a server that wants a client certificate may end like this: set ssl_cert if it does"
_NOT_TAKEN = "the server may not take the client certificate: see ssl_cert"


def explain(error: BaseException, session: Session) -> None:
    """Add to *error* that it may be about the client certificate, where it has no hint yet."""
    greeted = session.ehlo_resp is not None or session.helo_resp is not None
    if greeted or not session.negotiated.version or not _looks_like_it(error):
        return
    hint = _MISSING if naming(session.options).blank else _NOT_TAKEN
    error.hint = hint
    error.args = (f"{error} ({hint})",)


def _looks_like_it(error: BaseException) -> TypeGuard[GpgmailError]:
    if isinstance(error, ServerError):
        return error.reply is not None and "certificate" in str(error.reply).lower()
    return isinstance(error, ConnectError) and not error.hint
