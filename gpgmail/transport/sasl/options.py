"""The rows of a login: who, with what, and by which mechanism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import one_line
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.core.situations import Situation
from gpgmail.transport import sasl

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_NUMBER = {
    0: "",
    1: "CRAM-MD5",
    2: "NTLM",
    4: "PLAIN",
    5: "DIGEST-MD5",
    6: "GSSAPI",
    7: "XOAUTH2",
}
_NUMBERS = {name: number for number, name in _BY_NUMBER.items()}
_APOP = 3


def number(value: int) -> int:
    """Accept the number of a mechanism."""
    if value == _APOP:
        raise Situation.UNSUPPORTED_HERE.error(
            "APOP is a login of POP servers", subject="auth_mechanism", hint="0 takes the best"
        )
    if value not in _BY_NUMBER:
        raise ValueError(f"must be one of {', '.join(map(str, _BY_NUMBER))}, not {value}")
    return value


def _its_name(value: int) -> Mapping[str, str]:
    return {"auth_mechanisms": _BY_NUMBER[value]}


def _its_number(value: str) -> Mapping[str, int]:
    return {"auth_mechanism": _NUMBERS.get(value, 0)}


class AuthOptions(Declared):
    """Who logs in, and how."""

    user: str = prop(
        default="", check=one_line("user"), doc="User to log in as; empty for no login."
    )
    password: str = prop(default="", secret=True, doc="Password to log in with.")
    auth_mechanism: int = prop(
        default=0,
        check=number,
        implies=_its_name,
        doc="0 the best for user and password, 1 CRAM-MD5, 2 NTLM, 4 PLAIN, 5 DIGEST-MD5, "
        "6 Kerberos, 7 XOAUTH2; sets AuthMechanisms.",
    )
    auth_mechanisms: str = setting(
        default="",
        key="AuthMechanisms",
        check=sasl.listed,
        implies=_its_number,
        doc="SASL mechanisms that a login may use, the preferred first, separated by commas; empty "
        "for those that fit what is given. Ours.",
    )
    authorization_identity: str = setting(
        default="",
        key="AuthorizationIdentity",
        check=one_line("AuthorizationIdentity"),
        secret=True,
        doc="The token of XOAUTH2 and OAUTHBEARER, with or without `Bearer` before it; elsewhere "
        "whom to act for.",
    )
    use_ntlm_v2: bool = setting(
        default=True, key="UseNTLMv2", doc="Answer by NTLM version 2; False for version 1."
    )
    allow_cleartext_auth: bool = setting(
        default=False,
        key="AllowCleartextAuth",
        doc="Let the password go out without TLS beyond this machine. Ours.",
    )
