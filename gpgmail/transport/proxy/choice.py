"""Which proxy a connection goes through: the rows say it, or the environment, or there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.transport.firewall import leaves_name, server_name
from gpgmail.transport.proxy import KINDS
from gpgmail.transport.proxy.base import Proxy
from gpgmail.transport.proxy.exceptions import is_excepted
from gpgmail.transport.proxy.url import parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.transport.firewall import FirewallOptions
    from gpgmail.transport.options import TransportOptions

# A proxy for everything comes before the one for TLS, and of each the name that curl reads first.
_PROXIES = ("all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY")
_EXCEPTIONS = ("no_proxy", "NO_PROXY")


def chosen(options: TransportOptions) -> Proxy | None:
    """Return the proxy to the server that *options* name, None where it is reached directly.

    Raises:
        UsageError: If the rows or the environment do not state one completely.
        UnsupportedError: If it is of a kind that there is not.
    """
    host = server_name(options)
    proxy = _stated(options)
    if proxy is None and options.firewall_auto_detect:
        proxy = _detected(host, remote=leaves_name(options))
    if is_excepted(host, options.proxy_exceptions_list.split(";")):
        return None
    return proxy


def _stated(options: TransportOptions) -> Proxy | None:
    if not (options.firewall_type or options.firewall_host):
        return None
    return _proxy(options, remote=leaves_name(options))


def _detected(host: str, *, remote: bool) -> Proxy | None:
    _, exceptions = _variable(_EXCEPTIONS)
    name, url = _variable(_PROXIES)
    if not url or is_excepted(host, exceptions.split(","), below=True):
        return None
    rows, by_scheme = parse(url, name)
    return _proxy(rows, remote=remote or by_scheme)


def _variable(names: Iterable[str]) -> tuple[str, str]:
    """Return the first of these variables that says something, and what."""
    return next(((name, os.environ[name]) for name in names if os.environ.get(name)), ("", ""))


def _proxy(options: FirewallOptions, *, remote: bool) -> Proxy:
    for name, value, hint in (
        ("firewall_type", options.firewall_type, "set it to 1, 2, 3 or 10"),
        ("firewall_host", options.firewall_host, "name the firewall, or set firewall_type to 0"),
        ("firewall_port", options.firewall_port, "give the firewall's port"),
    ):
        if not value:
            raise Situation.BAD_VALUE.error("no complete firewall", subject=name, hint=hint)
    proxy = Proxy(
        kind=KINDS[options.firewall_type],
        host=options.firewall_host,
        port=options.firewall_port,
        user=options.firewall_user,
        password=Secret(options.firewall_password),
        data=Secret(options.firewall_data),
        remote=remote,
    )
    try:
        f"{proxy.user}{proxy.password.reveal()}".encode()
    except UnicodeError:
        raise proxy.unusable(
            "firewall_password", "it or firewall_user is no text", "take lone surrogates out"
        ) from None
    return proxy
