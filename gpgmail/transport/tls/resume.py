"""TLS sessions that one connection leaves to the next (RFC 8446 section 2.2, RFC 5077).

A resumed session brings no certificate: what was verified then is believed now. So it is offered
only under the settings that it was verified by, to the same name and port, and the files that were
trusted must not have changed. The server too goes on with whom it knew: under another client
certificate, or another store, a session is not offered. Nor is one where revoked certificates are
to be told: it would outlive the answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.declare import rows, stated
from gpgmail.transport.tls import revocation
from gpgmail.transport.tls.client import ClientCertificateOptions, present
from gpgmail.transport.tls.context import client_context
from gpgmail.transport.tls.options import TlsOptions

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from gpgmail.core.declare import Row
    from gpgmail.transport.options import TransportOptions


class Offer(NamedTuple):
    """A TLS context, and the session under it that the server is asked to resume."""

    context: ssl.SSLContext
    session: ssl.SSLSession | None = None


class Resumption:
    """What an opener of connections keeps from one to the next: the session of the last one."""

    def __init__(self) -> None:
        self._terms: object = None
        self._last: Offer | None = None

    def offer(self, options: TransportOptions) -> Offer:
        """Return the context to connect with, and the session to resume if there is one.

        Raises:
            TlsError: With code 271 if the authorities cannot be read, and what `client.present`
                raises where the client certificate cannot be used.
        """
        resumable = options.reuse_ssl_session and not revocation.wanted(options)
        terms = _terms(options) if resumable else None
        if self._last is None or terms is None or terms != self._terms:
            context = client_context(options)
            present(context, options)
            self._terms, self._last = terms, Offer(context)
        return self._last

    def keep(self, session: ssl.SSLSession | None) -> None:
        """Keep the session of a connection that ends, if it is to be resumed."""
        if session is not None and self._terms is not None and self._last is not None:
            self._last = Offer(self._last.context, session)


def _terms(options: TransportOptions) -> object:
    settings = tuple(stated(options, row.name) for row in _rows())
    store = os.fsdecode(options.ssl_cert_store)
    identities = tuple(map(_identity, (*_files(options), store)))
    return options.mail_server.lower(), options.mail_port, settings, identities


def _rows() -> Iterator[Row]:
    yield from rows(TlsOptions)
    yield from rows(ClientCertificateOptions)


def _files(options: TransportOptions) -> Iterable[str]:
    return (
        options.openssl_ca_file,
        options.openssl_ca_dir,
        *options.ssl_ca_cert_file_paths.split(";"),
    )


def _identity(path: str) -> object:
    """Return what changes when a file or the entries of a directory do, None without one."""
    try:
        found = Path(path).stat() if path else None
    except (OSError, ValueError):  # a store may be its content, too
        return None  # whoever reads it says so
    return found and (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
