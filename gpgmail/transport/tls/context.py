"""TLS contexts: verified, host name included, by what the rows say (RFC 8314 section 3).

Verification is OpenSSL's in every one of them but that of `unverified_context`, whose connections
are only looked at, or held to one certificate.
"""

from __future__ import annotations

import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.declare import is_set
from gpgmail.core.situations import Situation
from gpgmail.transport.tls import groups, suites, trust, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.transport.tls.options import TlsOptions

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which `ssl` has no name for
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # or a pipe waits


def client_context(options: TlsOptions) -> ssl.SSLContext:
    """Return a context that verifies servers as *options* say.

    Raises:
        TlsError: With code 271 if authorities cannot be read.
        UsageError, UnsupportedError: If what may be agreed on cannot be had.
    """
    context = _trusting(options)
    if options.ssl_server_ca_certs:
        try:
            context.load_verify_locations(cadata=trust.authorities(options.ssl_server_ca_certs))
        except (ssl.SSLError, TypeError, ValueError):  # by what is wrong with it
            raise _unusable("holds no PEM certificates", "SSLServerCACerts") from None
    if options.ssl_security_flags & trust.IGNORE_TIME:
        context.verify_flags |= _NO_CHECK_TIME
    if options.ssl_security_flags & trust.IGNORE_NAME:
        context.check_hostname = False
    return _limited(context, options)


def anchored_context(options: TlsOptions, chain: Sequence[bytes]) -> ssl.SSLContext:
    """Return what `client_context` does, with *chain* among the trusted.

    So dates, names, signatures and purpose are verified, by whichever authority.
    """
    context = client_context(options)
    context.load_verify_locations(cadata=b"".join(chain))
    flags = int(context.verify_flags) & ~int(ssl.VERIFY_X509_STRICT)  # asks too much of devices
    context.verify_flags = ssl.VerifyFlags(flags | ssl.VERIFY_X509_PARTIAL_CHAIN)
    return context


def unverified_context(options: TlsOptions) -> ssl.SSLContext:
    """Return a context that takes any certificate: the caller must not trust its connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context = _limited(context, options)
    context.options |= ssl.OP_NO_RENEGOTIATION  # the certificate that was seen stays the only one
    return context


def _limited(context: ssl.SSLContext, options: TlsOptions) -> ssl.SSLContext:
    versions.limit(context, options)
    suites.restrict(context, options)
    groups.restrict(context, options)
    if not options.ssl_enable_renegotiation:
        context.options |= ssl.OP_NO_RENEGOTIATION
    if options.ssl_key_log_file:
        _log_keys(context, options.ssl_key_log_file)
    return context


def _trusting(options: TlsOptions) -> ssl.SSLContext:
    """Return a context that trusts the files and the directory that were named, or the system."""
    ca_file, ca_dir = options.openssl_ca_file, options.openssl_ca_dir
    if ca_dir and not Path(ca_dir).is_dir():  # OpenSSL would take it and find nothing
        raise _unusable("is not a directory", ca_dir)
    searched = _first_file(options) if is_set(options, "ssl_ca_cert_file_paths") else ""
    path = ca_file or searched
    try:
        context = ssl.create_default_context(cafile=path or None, capath=ca_dir or None)
        if ca_file and searched:
            path = searched
            context.load_verify_locations(cafile=searched)
    except ssl.SSLError:
        raise _unusable("holds no PEM certificates", path) from None
    except OSError as error:
        raise _unusable(error.strerror or "cannot be read", path) from None
    return context


def _first_file(options: TlsOptions) -> str:
    paths = options.ssl_ca_cert_file_paths
    for path in filter(None, map(str.strip, paths.split(";"))):
        if Path(path).is_file():
            return path
    raise _unusable("none of these files is there", f"SSLCACertFilePaths {paths}")


def _unusable(detail: str, path: str) -> GpgmailError:
    return Situation.TLS_VERIFY.error(
        detail, subject=path, code=ErrorCode.SSL_STORE, hint="name a PEM file of authorities"
    )


def _log_keys(context: ssl.SSLContext, path: str) -> None:
    try:
        descriptor = os.open(path, _APPEND, 0o600)
        mode = os.fstat(descriptor).st_mode
        os.close(descriptor)
        if not stat.S_ISREG(mode) or mode & _OTHERS:
            raise Situation.POLICY.error(
                "is not a file that its owner alone can read",
                subject=f"SSLKeyLogFile {path}",
                hint=f"chmod 600 {path}",
            )
        context.keylog_filename = path
    except OSError as error:
        raise Situation.BAD_VALUE.error(
            error.strerror or "cannot be written", subject=f"SSLKeyLogFile {path}"
        ) from None
