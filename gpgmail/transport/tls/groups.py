"""Groups of the key exchange (RFC 8446 section 4.2.7).

OpenSSL has one list for all versions. `ssl` before Python 3.15 sets a list of one group only, and
does not tell which group came out: it is known where only one was offered.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.transport.tls.versions import TLS_1_2, TLS_1_3

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpgmail.transport.tls.agreement import AgreementOptions

# The reference's name -> OpenSSL's, and the bits that OpenSSL gives for its strength.
GROUPS = {
    "ecdhe_x25519": ("X25519", 253),
    "ecdhe_x448": ("X448", 448),
    "ecdhe_secp256r1": ("prime256v1", 256),
    "ecdhe_secp384r1": ("secp384r1", 384),
    "ecdhe_secp521r1": ("secp521r1", 521),
    "ffdhe_2048": ("ffdhe2048", 2048),
    "ffdhe_3072": ("ffdhe3072", 3072),
    "ffdhe_4096": ("ffdhe4096", 4096),
    "ffdhe_6144": ("ffdhe6144", 6144),
    "ffdhe_8192": ("ffdhe8192", 8192),
}
DEFAULT_1_2 = "ecdhe_secp256r1,ecdhe_secp384r1,ecdhe_secp521r1"
DEFAULT_1_3 = ",".join(GROUPS)


def listed(key: str, default: str) -> Callable[[str], str]:
    """Return a check for the setting *key*: known groups, and as many as `ssl` can set."""
    there = [name for name in GROUPS if name in default]

    def check(value: str) -> str:
        names = _names(value)
        if not names or not set(names) <= set(there):
            raise ValueError(f"takes some of {', '.join(there)}, separated by commas")
        if value != default and len(names) > 1 and not hasattr(ssl.SSLContext, "set_groups"):
            raise Situation.UNSUPPORTED_HERE.error(
                "Python's ssl sets more than one group from 3.15 on",
                subject=key,
                hint="name one group, or leave OpenSSL's choice",
            )
        return value

    return check


def offered(options: AgreementOptions) -> Sequence[str]:
    """Return the only groups to offer, none where that is OpenSSL's choice.

    Raises:
        UnsupportedError: If both versions are enabled and are not to offer the same.
    """
    settings = (
        (TLS_1_2, options.tls12_supported_groups, DEFAULT_1_2),
        (TLS_1_3, options.tls13_supported_groups, DEFAULT_1_3),
    )
    used = [
        () if value == default else _names(value)
        for version, value, default in settings
        if options.ssl_enabled_protocols & version
    ]
    if len(set(used)) > 1:
        raise Situation.UNSUPPORTED_HERE.error(
            "OpenSSL has one list of groups for both versions",
            subject="TLS12SupportedGroups and TLS13SupportedGroups",
            hint="set both alike, or enable one version by SSLEnabledProtocols",
        )
    return used[0] if used else ()


def known(name: str) -> tuple[str, int] | None:
    """Return OpenSSL's name and strength for a group by its name in TLS, None for another one."""
    names = {ours.removeprefix("ecdhe_").replace("_", ""): group for ours, group in GROUPS.items()}
    return names.get(name.lower())


def restrict(context: ssl.SSLContext, options: AgreementOptions) -> None:
    """Let *context* offer no groups but those that the settings name.

    Raises:
        UnsupportedError: If they cannot be had.
    """
    names = [GROUPS[name][0] for name in offered(options)]
    if not names:
        return
    try:
        if len(names) > 1:
            context.set_groups(":".join(names))  # type: ignore[attr-defined]
        else:
            context.set_ecdh_curve(names[0])
    except (ValueError, ssl.SSLError):
        raise Situation.UNSUPPORTED_HERE.error(
            f"this OpenSSL has not all of {', '.join(names)}", subject="TLS13SupportedGroups"
        ) from None


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())
