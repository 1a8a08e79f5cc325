"""The rows that decide when and by what a connection is secured, with those of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpgmail.core.checks import between
from gpgmail.core.declare import inert, prop, setting
from gpgmail.core.situations import Situation
from gpgmail.transport.tls.agreement import AgreementOptions
from gpgmail.transport.tls.trust import TrustOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTOMATIC, IMPLICIT, EXPLICIT, NONE = range(4)  # ssl_start_mode
_INTERNAL = 2  # ssl_provider


def _provider(value: int) -> int:
    if value == _INTERNAL:
        raise Situation.UNSUPPORTED_HERE.error(
            "there is no TLS but OpenSSL's", subject="ssl_provider", hint="leave it at 0"
        )
    return between(0, _INTERNAL)(value)


def _mode(enabled: bool) -> Mapping[str, Any]:  # noqa: FBT001 - a row's value
    """Return what ssl_enabled means for ssl_start_mode: a mode that has TLS stays as it is."""
    return {"ssl_start_mode": _secured if enabled else NONE}


def _secured(mode: int) -> int:
    return AUTOMATIC if mode == NONE else mode


class TlsOptions(TrustOptions, AgreementOptions):
    """When TLS starts, whom it trusts, and what it agrees on."""

    ssl_start_mode: int = prop(
        default=NONE,
        check=between(AUTOMATIC, NONE),
        implies=lambda mode: {"ssl_enabled": mode != NONE},
        doc="0 automatic (STARTTLS at ports 25 and 587, else TLS at once), 1 TLS at once, "
        "2 STARTTLS, 3 plaintext; 3 without being set is plaintext to this machine only. Sets "
        "ssl_enabled.",
    )
    ssl_enabled: bool = prop(
        default=False,
        implies=_mode,
        doc="Whether the connection is secured. True sets ssl_start_mode 3 to 0, False sets it to "
        "3.",
    )
    ssl_provider: int = prop(
        default=0,
        check=_provider,
        doc="0 automatic, 1 the system's TLS: both are the OpenSSL that Python has. 2 is refused.",
    )
    ssl_provider_name: str = inert(
        default="",
        key="SSLProvider",
        why="it names a Java security provider; TLS is the OpenSSL that Python has",
    )
    reuse_ssl_session: bool = setting(
        default=False,
        key="ReuseSSLSession",
        doc="Resume the TLS session of the last connection, where that went to the same server and "
        "port with the same settings.",
    )
    plain_on_loopback: bool = setting(
        default=False,
        key="PlainOnLoopback",
        doc="Mode 2 asks no STARTTLS of a server on this machine. Ours, for smtp:// URLs.",
    )
    openssl_prng_seed_data: str = inert(
        default="",
        key="OpenSSLPrngSeedData",
        why="OpenSSL is seeded by the system, and nothing could show that a seed had an effect",
    )
