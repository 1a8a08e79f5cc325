"""The login mechanisms, and which of them is taken. A mechanism is one file and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation
from gpgmail.transport.sasl.base import Mechanism, Takes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gpgmail.transport.sasl.base import Credentials, Exchange

# The first that the server offers is taken, and no other is tried when it fails: a second try with
# a weaker one would hand the password to whoever made the first fail. Those that do not reveal the
# password come first, and of these those that prove the server too.
RANKED: tuple[Mechanism, ...] = (
    # both sides prove that they know the password, for this very TLS connection
    Mechanism("SCRAM-SHA-256-PLUS", "scram", bound=True, package="scramp"),
    Mechanism("SCRAM-SHA-1-PLUS", "scram", bound=True, package="scramp"),
    # the same for any connection; the hash is salted, so the server need not keep the password
    Mechanism("SCRAM-SHA-256", "scram", package="scramp"),
    Mechanism("SCRAM-SHA-1", "scram", package="scramp"),
    # both sides prove it, by an MD5 that is soon guessed through (historic, RFC 6331)
    Mechanism("DIGEST-MD5", "digest_md5", acts_for_others=True),
    # as soon guessed through, and the server proves nothing
    Mechanism("CRAM-MD5", "cram_md5"),
    # a standard, one round trip, UTF-8 is defined
    Mechanism("PLAIN", "plain", reveals=True, acts_for_others=True),
    # reveals as much, has no standard, and takes three round trips
    Mechanism("LOGIN", "login", reveals=True),
    # has no RFC; what version 1 says gives away a hash that is as good as the password
    Mechanism("NTLM", "ntlm", reveals=True, package="spnego"),
    # where there is a token and no password: the one with a standard first
    Mechanism("OAUTHBEARER", "oauthbearer", Takes.TOKEN, reveals=True),
    Mechanism("XOAUTH2", "xoauth2", Takes.TOKEN, reveals=True),
    # only where they are asked for: they log in whom the machine is, and not who is named here
    Mechanism(
        "GSSAPI",
        "gssapi",
        Takes.NOTHING,
        acts_for_others=True,
        waits=True,
        package="gssapi",
        extra="kerberos",
    ),
    Mechanism("EXTERNAL", "external", Takes.NOTHING, acts_for_others=True),
)


_BY_NAME = {mechanism.name: mechanism for mechanism in RANKED}


def listed(value: str) -> str:
    """Accept names of mechanisms separated by commas, in any case."""
    names = [name.strip().upper() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in _BY_NAME]
    if unknown:
        raise ValueError(f"must be of {', '.join(_BY_NAME)}, not {', '.join(unknown)}")
    return ",".join(dict.fromkeys(names))


def named(allowed: str) -> Sequence[Mechanism]:
    """Return the mechanisms in a list as `listed` returns it."""
    return [_BY_NAME[name] for name in allowed.split(",") if name]


def choose(
    offered: Collection[str], credentials: Credentials, allowed: str = ""
) -> Mechanism | None:
    """Return the best mechanism that a server offers, or None where there is none in common.

    *allowed* is a list as `listed` returns it, the best first. Where it is empty our own ranking
    holds, without those that do not fit the credentials and those whose package is not installed,
    unless there is no other.
    """
    names = {name.upper() for name in offered}
    common = [
        mechanism
        for mechanism in (named(allowed) or RANKED)
        if mechanism.name in names and (credentials.binding or not mechanism.bound)
    ]
    if allowed:
        return next(iter(common), None)
    fitting = [mechanism for mechanism in common if _fits(mechanism, credentials)]
    installed = (mechanism for mechanism in fitting if _installed(mechanism))
    return next(installed, next(iter(fitting), None))


def exchange(mechanism: Mechanism, credentials: Credentials) -> Exchange:
    """Begin a login.

    Raises:
        UnsupportedError: If the mechanism's package is not installed.
    """
    if not _installed(mechanism):
        raise Situation.MISSING_EXTRA.error(
            f"{mechanism.package} is not installed",
            subject=mechanism.name,
            hint=f"pip install 'gpgmail[{mechanism.extra}]', or name others by AuthMechanisms",
        )
    module = import_module(f"{__name__}.{mechanism.file}")
    return cast("Callable[[Credentials], Exchange]", module.exchange)(credentials)


def _fits(mechanism: Mechanism, credentials: Credentials) -> bool:
    takes = Takes.PASSWORD if credentials.password else Takes.TOKEN
    alone = takes is Takes.TOKEN or not credentials.identity
    return mechanism.takes is takes and (alone or mechanism.acts_for_others)


def _installed(mechanism: Mechanism) -> bool:
    if not mechanism.package:
        return True
    from importlib.util import find_spec

    return find_spec(mechanism.package) is not None
