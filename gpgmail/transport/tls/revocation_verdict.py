"""What lists of revoked certificates and responders' answers say: judged by pyhanko-certvalidator.

It verifies who signed them, whether they are of today and about this certificate. It builds no
chain: it is given the one that OpenSSL came to, and whom that ends with as the only authority.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.codes import Retry
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.x509 import Certificate
    from pyhanko_certvalidator.context import ValidationContext
    from pyhanko_certvalidator.path import ValidationPath

OCSP, CRL = "SSLCheckOCSP", "SSLCheckCRL"
_RULES = {
    frozenset({OCSP}): "OCSP_REQUIRED",
    frozenset({CRL}): "CRL_REQUIRED",
    frozenset({OCSP, CRL}): "CRL_AND_OCSP_REQUIRED",
}


def judge(path: Sequence[Certificate], found: Mapping[str, Sequence[bytes]], subject: str) -> None:
    """Go on where all that was *found*, by setting, says that the first of *path* is good.

    Raises:
        TlsError: With code 280 if it was revoked, or if what was found is not its issuer's word of
            today.
        UnsupportedError: If the extra is missing.
    """
    try:
        from pyhanko_certvalidator import errors
        from pyhanko_certvalidator.validate import validate_path
    except ImportError:
        raise Situation.MISSING_EXTRA.error(
            "asking whether a certificate was revoked needs an extra",
            subject=" and ".join(found),
            hint="pip install 'gpgmail[revocation]'",
        ) from None
    try:
        validate_path(*_terms(path, found))
    except errors.RevokedError as error:
        raise Situation.TLS_VERIFY.error(
            f"the certificate was revoked on {error.revocation_dt:%Y-%m-%d %H:%M} UTC "
            f"({error.reason.human_friendly})",
            subject=subject,
            hint="the server needs another certificate: tell its administrator",
        ) from None
    except (errors.ValidationError, ValueError) as error:
        raise unknown(str(error).rpartition(" failed: ")[2], " and ".join(found), subject) from None


def unknown(why: str, settings: str, subject: str, retry: Retry = Retry.LATER) -> Exception:
    """Return the error for a certificate of which it cannot be told."""
    return Situation.TLS_VERIFY.error(
        f"whether the certificate was revoked is not known: {why}",
        subject=subject,
        hint=f"see {settings}",
        retry=retry,
    )


def _terms(
    path: Sequence[Certificate], found: Mapping[str, Sequence[bytes]]
) -> tuple[ValidationContext, ValidationPath]:
    from asn1crypto import x509
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko_certvalidator.authority import CertTrustAnchor
    from pyhanko_certvalidator.context import ValidationContext
    from pyhanko_certvalidator.path import ValidationPath
    from pyhanko_certvalidator.policy_decl import (
        CertRevTrustPolicy,
        RevocationCheckingPolicy,
        RevocationCheckingRule,
    )

    own, *above, top = (x509.Certificate.load(one.public_bytes(Encoding.DER)) for one in path)
    rule = RevocationCheckingRule[_RULES[frozenset(found)]]
    nothing = RevocationCheckingRule.NO_CHECK
    context = ValidationContext(
        trust_roots=[top],
        other_certs=above,
        crls=found.get(CRL, ()),
        ocsps=found.get(OCSP, ()),
        allow_fetching=False,
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, nothing)),
    )
    return context, ValidationPath(CertTrustAnchor(top), above[::-1], own)
