"""Whether the server's certificate was revoked, asked before anything of a mail is written.

Its CA says so in lists (CRL, RFC 5280) or answers (OCSP, RFC 6960). What is asked for is that
certificate alone, not those above it. The issuer is the one that OpenSSL verified, or, where a
certificate was accepted by hand, one that the server sent and that signed it. What is fetched here
is judged in `revocation_verdict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gpgmail.core.checks import between
from gpgmail.core.codes import Retry
from gpgmail.core.declare import Declared, setting
from gpgmail.core.errors import Cancelled, GpgmailError
from gpgmail.core.events import SSLStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.x509 import Certificate

    from gpgmail.core.run import Run
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.wire import Wire

_OFF, _IF_NAMED, _ALWAYS = range(3)
_OCSP_LIMIT = 64 * 1024
_CRL_LIMIT = 16 * 1024 * 1024  # the longest public ones have some megabytes


class RevocationOptions(Declared):
    """Whether it is asked if the server's certificate was revoked."""

    ssl_check_crl: int = setting(
        default=_OFF,
        key="SSLCheckCRL",
        check=between(_OFF, _ALWAYS),
        doc="1 looks for the server's certificate in the list of revoked ones that it names, 2 "
        "fails too where it names none, 0 does not look. Needs the extra `revocation`.",
    )
    ssl_check_ocsp: int = setting(
        default=_OFF,
        key="SSLCheckOCSP",
        check=between(_OFF, _ALWAYS),
        doc="1 asks the responder that the server's certificate names, 2 fails too where it names "
        "none, 0 does not ask. Needs the extra `revocation`.",
    )


class _Way(NamedTuple):
    """One of the two ways: its setting, and what it needs at a certificate."""

    key: str
    mode: int
    places: Sequence[Sequence[str]]  # of each one address is enough
    fetch: Callable[[str], bytes]

    @property
    def wanted(self) -> bool:
        return self.mode == _ALWAYS or (self.mode == _IF_NAMED and bool(self.places))


def wanted(options: RevocationOptions) -> bool:
    """Tell whether anything is to be asked."""
    return bool(options.ssl_check_crl or options.ssl_check_ocsp)


def check(wire: Wire, options: TransportOptions, subject: str) -> None:
    """Go on if the server's certificate was not revoked, as far as *options* want that asked.

    Raises:
        TlsError: With code 280 if it was, or if it cannot be told.
        UnsupportedError: If the extra is missing.
        Cancelled, TimeLimitError: If the operation ends meanwhile.
    """
    if not wanted(options):
        return
    run, path = wire.run, _path(wire)
    ways = _ways(path, options, run)
    asked = [way for way in ways if way.wanted]
    if not asked:
        return
    from gpgmail.transport.tls import revocation_verdict

    if len(path) == 1:
        raise revocation_verdict.unknown("its issuer is not known", asked[0].key, subject)
    found = [_fetched(way, run, subject) for way in asked]
    by_key = dict(zip((way.key for way in asked), found, strict=True))
    revocation_verdict.judge(path, by_key, subject)
    names = " and ".join(way.key for way in asked)
    run.emit(SSLStatus(f"the server's certificate is not revoked ({names})"))


# ------------------------------------------------------------------------------- the certificates


def _path(wire: Wire) -> list[Certificate]:
    """Return the server's certificate, its issuer, and so on, as far as they are known.

    That is the chain that OpenSSL verified; of a certificate that was accepted unverified what the
    server sent, as long as each signed the one before it.
    """
    import _ssl

    from cryptography.x509 import load_der_x509_certificate

    inner: Any = wire.sock._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - public since 3.13
    chain = inner.get_verified_chain() or inner.get_unverified_chain()
    certificates = [load_der_x509_certificate(one.public_bytes(_ssl.ENCODING_DER)) for one in chain]
    path = certificates[:1]
    for above in certificates[1:]:
        if not _signed(above, path[-1]):
            break
        path.append(above)
    return path


def _signed(above: Certificate, certificate: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(above)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _ways(path: Sequence[Certificate], options: TransportOptions, run: Run) -> tuple[_Way, _Way]:
    from gpgmail.transport.tls.revocation_fetch import fetch

    def ask(url: str) -> bytes:
        return _successful(fetch(url, options, run, limit=_OCSP_LIMIT, query=_query(*path[:2])))

    def load(url: str) -> bytes:
        return fetch(url, options, run, limit=_CRL_LIMIT)

    return (
        _Way("SSLCheckOCSP", options.ssl_check_ocsp, _responders(path[0]), ask),
        _Way("SSLCheckCRL", options.ssl_check_crl, _lists(path[0]), load),
    )


def _responders(leaf: Certificate) -> list[list[str]]:
    """Return the addresses of the responder (RFC 5280 section 4.2.2.1)."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return []
    urls = [
        str(one.access_location.value)
        for one in access
        if one.access_method == AuthorityInformationAccessOID.OCSP
    ]
    return [urls] if urls else []


def _lists(leaf: Certificate) -> list[list[str]]:
    """Return the addresses of each list (RFC 5280 section 4.2.1.13)."""
    from cryptography import x509

    try:
        points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    kind = x509.UniformResourceIdentifier
    named = [
        [str(one.value) for one in point.full_name or () if isinstance(one, kind)]
        for point in points
    ]
    return [urls for urls in named if urls]


# --------------------------------------------------------------------------------- what is asked


def _query(leaf: Certificate, issuer: Certificate) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp

    digest = hashes.SHA1()  # noqa: S303 - it names the certificate, as every responder understands
    request = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, digest).build()
    return request.public_bytes(serialization.Encoding.DER)


def _successful(answer: bytes) -> bytes:
    """Return an OCSP response that says something (RFC 6960 section 4.2.1).

    Raises:
        ValueError: If it is none, or says that there is no answer.
    """
    from cryptography.x509 import ocsp

    try:
        status = ocsp.load_der_ocsp_response(answer).response_status
    except ValueError:
        raise ValueError("sends no OCSP answer") from None
    if status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"answers {status.name.lower().replace('_', ' ')}")
    return answer


def _fetched(way: _Way, run: Run, subject: str) -> list[bytes]:
    """Return what the places of *way* have, of at least one of them."""
    from gpgmail.transport.tls.revocation_verdict import unknown

    if not way.places:
        raise unknown("it names nobody to ask", way.key, subject, Retry.NO)
    found: list[bytes] = []
    failed: list[str] = []
    for urls in way.places:
        for url in urls:
            try:
                found.append(way.fetch(url))
                break
            except Cancelled:
                raise
            except (GpgmailError, ValueError) as error:
                run.check(subject)  # this operation's own end is not the place's trouble
                words = error.detail if isinstance(error, GpgmailError) else str(error)
                failed.append(f"{url}: {words}")
    if not found:
        raise unknown("; ".join(failed), way.key, subject)
    return found
