"""Cipher suites: their names, which ones may be agreed on, and what the context offers.

`ssl` before Python 3.15 cannot choose among the suites of TLS 1.3. Where some of them are not
wanted, the suite that came out is looked at before anything is written (`permitted`).
"""

from __future__ import annotations

import re
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

from gpgmail.core.situations import Situation
from gpgmail.transport.tls.versions import is_old

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.transport.tls.agreement import AgreementOptions

ANY, DEFAULT = "*", "DEFAULT"
_PROVEN = ":!aNULL:!eNULL:!PSK:!SRP"  # without a certificate there is nothing to verify
_NOT_MODERN = ":@SECLEVEL=0"  # what TLS 1.0 and 1.1 sign with is refused at the levels above
_MODERN = "TLSv1.3"
_RSA_ALONE = "RSA"

_OPENSSL = re.compile(
    r"(?:(?P<exchange>ECDHE-ECDSA|ECDHE-RSA|ECDHE|DHE-RSA|DHE-DSS)-)?"
    r"(?:(?P<cipher>AES|ARIA|CAMELLIA)(?P<bits>128|256)(?:-(?P<mode>GCM|CCM8|CCM))?"
    r"(?:-(?P<digest>SHA\d*))?|(?P<stream>CHACHA20-POLY1305))"
)
_EXCHANGES = {"": _RSA_ALONE, "ECDHE": "ECDHE_RSA"}
_MODES = {"": "CBC", "CCM8": "CCM_8"}


def standard_name(name: str) -> str:
    """Return what the IANA calls the suite that OpenSSL calls *name*, empty where we do not know.

    Those of TLS 1.3 have one name only.
    """
    if name.startswith("TLS_"):
        return name
    found = _OPENSSL.fullmatch(name)
    if found is None:
        return ""
    exchange = found["exchange"] or ""
    exchange = _EXCHANGES.get(exchange, exchange).replace("-", "_")
    if found["stream"]:
        return f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256"
    mode = found["mode"] or ""
    parts = (found["cipher"], found["bits"], _MODES.get(mode, mode), found["digest"])
    return f"TLS_{exchange}_WITH_{'_'.join(part for part in parts if part)}"


def key_exchange(name: str) -> str:
    """Return how a suite of TLS 1.2 or older agrees on keys, empty where the name does not say."""
    words = standard_name(name).split("_WITH_")
    return words[0].split("_")[1] if len(words) > 1 else ""


def listed(value: str) -> str:
    """Accept `*`, or names of suites that OpenSSL has, separated by semicolons.

    Raises:
        UnsupportedError: If it lacks one of them.
    """
    _named(value)
    return value


def permitted(options: AgreementOptions, name: str, strength: int) -> bool:
    """Tell whether the settings allow the suite *name* with keys of *strength* bits."""
    names = _named(options.ssl_enabled_cipher_suites)
    return strength >= options.ssl_cipher_strength and (names is None or name in names)


def restrict(context: ssl.SSLContext, options: AgreementOptions) -> None:
    """Let *context* offer no suites but those that the settings allow, as far as `ssl` can.

    Raises:
        UsageError: If they allow none, or none of the versions that are enabled.
    """
    if _is_default(options) and not is_old(options):
        return
    _select(context, _base(options), options)
    if _is_default(options):
        return
    allowed = [
        suite
        for suite in context.get_ciphers()
        if permitted(options, suite["name"], suite["strength_bits"])
    ]
    modern = [suite["name"] for suite in allowed if suite["protocol"] == _MODERN]
    older = [suite["name"] for suite in allowed if suite["protocol"] != _MODERN]
    if older:
        _select(context, ":".join(older), options)
    else:
        _narrow(context, "minimum_version", ssl.TLSVersion.TLSv1_3)
    if not modern:
        _narrow(context, "maximum_version", ssl.TLSVersion.TLSv1_2)
    elif hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(":".join(modern))
    if context.minimum_version > context.maximum_version:
        raise _nothing("allow no suite of an enabled version")


def _is_default(options: AgreementOptions) -> bool:
    return (
        options.openssl_cipher_list == DEFAULT
        and not options.ssl_cipher_strength
        and options.ssl_enabled_cipher_suites.strip() == ANY
    )


def _base(options: AgreementOptions) -> str:
    """Return the cipher string that the other settings choose from."""
    if options.openssl_cipher_list == DEFAULT and options.ssl_enabled_cipher_suites.strip() != ANY:
        return f"ALL{_PROVEN}"
    return f"{options.openssl_cipher_list}{_PROVEN}"


def _select(context: ssl.SSLContext, string: str, options: AgreementOptions) -> None:
    try:
        context.set_ciphers(f"{string}{_NOT_MODERN if is_old(options) else ''}")
    except ssl.SSLError:
        raise _nothing("select no cipher suite") from None


def _narrow(context: ssl.SSLContext, limit: str, version: ssl.TLSVersion) -> None:
    narrower = max if limit == "minimum_version" else min
    setattr(context, limit, narrower(getattr(context, limit), version))


def _nothing(detail: str) -> GpgmailError:
    return Situation.BAD_VALUE.error(
        detail,
        subject="OpenSSLCipherList, SSLEnabledCipherSuites and SSLCipherStrength",
        hint="`openssl ciphers -v` lists what there is",
    )


def _named(value: str) -> frozenset[str] | None:
    """Return OpenSSL's names of the suites in *value*, None for any."""
    words = [word.strip() for word in value.split(";") if word.strip()]
    if words == [ANY]:
        return None
    if not words:
        raise ValueError("takes names of cipher suites, separated by semicolons, or *")
    return frozenset(map(_found, words))


def _found(word: str) -> str:
    name = _known().get(word.upper())
    if name is None:
        raise Situation.UNSUPPORTED_HERE.error(
            f"this OpenSSL has no cipher suite {word}",
            subject="SSLEnabledCipherSuites",
            hint="`openssl ciphers -stdname ALL` lists those that it has",
        )
    return name


@cache
def _known() -> Mapping[str, str]:
    """Return OpenSSL's name of each suite by both of its names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(f"ALL{_PROVEN}{_NOT_MODERN}")
    suites: Sequence[Mapping[str, Any]] = context.get_ciphers()
    names = [suite["name"] for suite in suites]
    return {known: name for name in names for known in (name.upper(), standard_name(name))}
