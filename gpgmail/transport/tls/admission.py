"""Whose certificate is taken, decided before anything of a mail or a login is written.

A handshake that OpenSSL verifies comes first. Only where it fails, and a handler or
SSLSecurityFlags may see that otherwise, the certificates that the server shows are fetched: by a
connection that is not verified and of no other use, and that must show the certificate which did
not verify: what is said of one says nothing of another. What is decided about them holds for the
connection after that one, which must show exactly the same certificate; the bytes are compared
before the first write. With ssl_accept_server_cert_encoded the first connection is held to that
certificate.

Only sessions that OpenSSL verified are resumed.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.codes import Retry
from gpgmail.core.errors import TlsError
from gpgmail.core.events import SSLServerAuthentication, SSLStatus
from gpgmail.core.situations import Situation
from gpgmail.transport.failures import Step, crossing
from gpgmail.transport.tls import packets, signatures, suites, trust, versions
from gpgmail.transport.tls.client import present
from gpgmail.transport.tls.context import anchored_context, unverified_context
from gpgmail.transport.tls.negotiated import Negotiated, presented
from gpgmail.transport.tls.resume import Offer, Resumption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.tls.agreement import AgreementOptions
    from gpgmail.transport.wire import Wire

_OK = "OK"  # the documented status of a certificate that verifies

# OpenSSL's numbers (x509_vfy.h) for an issuer that is missing, self-signed or not trusted.
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21, 27})


class LookAgainError(Exception):
    """This connection showed that there is something to decide; see `Admission.again`."""


class _Way(NamedTuple):
    """How a handshake is done, and what follows it.

    `only` is the one certificate that the server must have, `looks` says that it is fetched and no
    more. `resumable` stands for a session that may be resumed, `decided` for a handler that said
    yes already.
    """

    offer: Offer
    only: bytes = b""
    looks: bool = False
    resumable: bool = False
    decided: bool = False


class Admission:
    """Lets one server in, over as many connections as the decision takes."""

    def __init__(self, options: TransportOptions, resumption: Resumption) -> None:
        self._options = options
        self._resumption = resumption
        self._way: _Way | None = None
        self._refusal: Exception = LookAgainError()
        self._status = _OK
        self._anchors = False
        self._judged: tuple[bytes, ...] = ()  # the certificate that the status is about
        self._shown: tuple[bytes, ...] = ()

    def handshake(self, wire: Wire, host: str, run: Run, subject: str) -> Negotiated:
        """Do the TLS handshake, and return what it came out with once the certificate is taken.

        Raises:
            LookAgainError: If that needs another connection.
            TlsError: With code 280 if the certificate is not taken, 276 if there is no handshake,
                or what it agreed on is not wanted.
        """
        way = self._way = self._way or self._first_way()
        if self._options.log_ssl_packets:
            packets.tell(way.offer.context, lambda line: _tell(wire.run, line))
        _tell(run, subject)
        try:
            with crossing(Step.HANDSHAKE, subject):
                wire.secure(way.offer, host)
        except TlsError as error:
            self._note(error, presented(wire.sock)[:1], run)
            raise
        agreed = Negotiated.of(wire.sock, self._options)  # type: ignore[arg-type]
        _tell(run, f"agreed on {agreed.version}, {agreed.cipher}, {agreed.strength} bits")
        if way.looks:
            if agreed.chain[:1] != self._judged:
                raise _changed(subject)
            self._shown = agreed.chain
            raise LookAgainError
        self._accept(agreed, way, run, subject)
        return agreed

    def again(self, run: Run) -> None:
        """Decide how the next connection is made, after `LookAgainError`.

        Raises:
            TlsError: What the first one failed with, if nobody takes the certificate.
        """
        if not self._shown:
            self._way = _Way(Offer(unverified_context(self._options)), looks=True)
        elif self._anchors:
            self._anchors = False
            self._way = self._held(anchored_context(self._options, self._shown))
        elif self._asked(self._shown, run):
            self._way = self._held(unverified_context(self._options), decided=True)
        else:
            raise self._refusal

    def keep(self, wire: Wire) -> None:
        """Keep the session of a connection that ends, if it may be resumed."""
        if self._way is not None and self._way.resumable:
            self._resumption.keep(wire.tls_session)

    def _first_way(self) -> _Way:
        only = trust.as_der(self._options.ssl_accept_server_cert_encoded)
        if only:
            self._shown = (only,)
            return self._held(unverified_context(self._options))
        return _Way(self._resumption.offer(self._options), resumable=True)

    def _held(self, context: ssl.SSLContext, *, decided: bool = False) -> _Way:
        """Return the way to a server that has the certificate which was shown, and no other."""
        present(context, self._options)
        return _Way(Offer(context), only=self._shown[0], decided=decided)

    def _note(self, error: TlsError, certificate: tuple[bytes, ...], run: Run) -> None:
        """Note why *certificate* does not verify; that is not the end if others may take it.

        What is decided later is decided about it: a status says nothing of another one.
        """
        why = error.__cause__
        if not isinstance(why, ssl.SSLCertVerificationError) or not certificate:
            return
        if self._shown and certificate != self._shown[:1]:
            raise _changed(error.subject)
        self._judged = certificate
        self._refusal, self._status = error, why.verify_message
        _tell(run, f"the certificate does not verify: {self._status}")
        allowed = self._options.ssl_security_flags & trust.ALLOW_UNKNOWN_AUTHORITY
        unknown = why.verify_code in _UNKNOWN_AUTHORITY
        self._anchors = bool(allowed and unknown and not self._shown)
        if self._anchors or run.hears(SSLServerAuthentication):
            raise LookAgainError from error

    def _accept(self, agreed: Negotiated, way: _Way, run: Run, subject: str) -> None:
        if way.only and agreed.certificate != way.only:
            raise Situation.TLS_VERIFY.error(
                "the server has another certificate than the accepted one",
                subject=subject,
                hint="see ssl_accept_server_cert_encoded and on_ssl_server_authentication",
            )
        _check_agreement(self._options, agreed, subject)
        _tell(run, f"the certificate {'is the accepted one' if way.only else 'verifies'}")
        self._status = _OK
        if not way.decided and not self._asked(agreed.chain, run):
            raise Situation.TLS_VERIFY.error(
                "a handler of on_ssl_server_authentication did not accept it", subject=subject
            )

    def _asked(self, chain: Sequence[bytes], run: Run) -> bool:
        """Return what the handler says, or by itself what the status does."""
        accept = self._status == _OK
        if not run.hears(SSLServerAuthentication):
            return accept
        sent = chain if self._options.ssl_include_cert_chain else chain[:1]
        pem = "".join(map(ssl.DER_cert_to_PEM_cert, sent)).encode()
        event = SSLServerAuthentication(pem, *_parties(chain[0]), self._status, accept)
        run.emit(event)
        run.touch()
        run.check("on_ssl_server_authentication")
        return bool(event.accept)


def _changed(subject: str) -> GpgmailError:
    """Return the error for a server that is maybe not the one that was judged."""
    return Situation.TLS_VERIFY.error(
        "the server shows one certificate and then another", subject=subject
    )


def _tell(run: Run, message: str) -> None:
    run.emit(SSLStatus(run.redactor.clean(message)))


def _parties(certificate: bytes) -> tuple[str, str]:
    """Return subject and issuer, empty where the certificate does not parse."""
    from cryptography.x509 import load_der_x509_certificate

    from gpgmail.certificates.names import distinguished

    try:
        parsed = load_der_x509_certificate(certificate)
        return distinguished(parsed.subject), distinguished(parsed.issuer)
    except ValueError:
        return "", ""


def _check_agreement(options: AgreementOptions, agreed: Negotiated, subject: str) -> None:
    """Hold what OpenSSL could not be told against the settings.

    Raises:
        TlsError: If it is not what they allow.
    """
    if agreed.version not in {one.name for one in versions.enabled(options.ssl_enabled_protocols)}:
        raise _unwanted(agreed.version, "SSLEnabledProtocols", subject)
    if not suites.permitted(options, agreed.cipher, agreed.strength or 0):
        names = "SSLEnabledCipherSuites and SSLCipherStrength"
        raise _unwanted(agreed.cipher, names, subject)
    signatures.check(options, agreed, subject)


def _unwanted(what: str, settings: str, subject: str) -> GpgmailError:
    return Situation.TLS_HANDSHAKE.error(
        f"the server chose {what}, which the settings do not allow",
        subject=subject,
        hint=f"see {settings}",
        retry=Retry.NO,
    )
