"""The TLS context: verified, host name included, TLS 1.2 or newer (RFC 8314 section 3)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.core.errors import GpgmailError
    from gpgmail.transport.tls.options import TlsOptions


def client_context(options: TlsOptions) -> ssl.SSLContext:
    """Return a context that trusts OpenSSLCAFile and OpenSSLCADir, without them the system.

    Raises:
        TlsError: With code 271 if the file or directory cannot be used.
    """
    ca_file, ca_dir = options.openssl_ca_file, options.openssl_ca_dir
    if ca_dir and not Path(ca_dir).is_dir():  # OpenSSL would take it and find nothing
        raise _unusable("is not a directory", ca_dir)
    try:
        context = ssl.create_default_context(cafile=ca_file or None, capath=ca_dir or None)
    except ssl.SSLError:
        raise _unusable("holds no PEM certificates", ca_file) from None
    except OSError as error:
        raise _unusable(error.strerror or "cannot be read", ca_file) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unusable(detail: str, path: str) -> GpgmailError:
    return Situation.TLS_VERIFY.error(
        detail, subject=path, code=ErrorCode.SSL_STORE, hint="name a PEM file of authorities"
    )
