"""Protocol versions as the bits of SSLEnabledProtocols, and in a TLS context."""

from __future__ import annotations

import ssl
import warnings
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.transport.tls.agreement import AgreementOptions


class Protocol(NamedTuple):
    """One version: its bits, its name, what `ssl` calls it, and whether this OpenSSL has it."""

    bits: int
    name: str
    version: ssl.TLSVersion
    there: bool = False


TLS_1_3, TLS_1_2 = 0x3000, 0xC00
DEFAULT = TLS_1_3 | TLS_1_2

# SSL 2 and 3 are in no OpenSSL that a Python here runs on (RFC 6176, RFC 7568).
PROTOCOLS = (
    Protocol(0x00C, "SSLv2", ssl.TLSVersion.SSLv3),
    Protocol(0x030, "SSLv3", ssl.TLSVersion.SSLv3),
    Protocol(0x0C0, "TLSv1", ssl.TLSVersion.TLSv1, ssl.HAS_TLSv1),
    Protocol(0x300, "TLSv1.1", ssl.TLSVersion.TLSv1_1, ssl.HAS_TLSv1_1),
    Protocol(TLS_1_2, "TLSv1.2", ssl.TLSVersion.TLSv1_2, ssl.HAS_TLSv1_2),
    Protocol(TLS_1_3, "TLSv1.3", ssl.TLSVersion.TLSv1_3, ssl.HAS_TLSv1_3),
)
_ALL = 0x3FFC
_OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)


def supported(value: int) -> int:
    """Accept bits of versions that OpenSSL has here.

    Raises:
        UnsupportedError: If it lacks one of them.
    """
    if not value or value & ~_ALL:
        raise ValueError("adds 12288 (TLS 1.3), 3072 (1.2), 768 (1.1) and 192 (1.0)")
    for one in enabled(value):
        if not one.there:
            raise Situation.UNSUPPORTED_HERE.error(
                f"{one.name} is not in this OpenSSL",
                subject="SSLEnabledProtocols",
                hint=f"{DEFAULT} stands for TLS 1.2 and 1.3",
            )
    return value


def enabled(value: int) -> Sequence[Protocol]:
    """Return the versions that *value* stands for, the oldest first."""
    return tuple(one for one in PROTOCOLS if value & one.bits)


def is_old(options: AgreementOptions) -> bool:
    """Tell whether a version is enabled that RFC 8996 gave up."""
    return enabled(options.ssl_enabled_protocols)[0].version in _OLD


def limit(context: ssl.SSLContext, options: AgreementOptions) -> None:
    """Let *context* offer the enabled versions; one between them that is not shows afterwards."""
    versions = [one.version for one in enabled(options.ssl_enabled_protocols)]
    if not is_old(options):
        context.minimum_version, context.maximum_version = versions[0], versions[-1]
        return
    with warnings.catch_warnings():  # of versions that were asked for by their numbers
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = versions[0], versions[-1]
