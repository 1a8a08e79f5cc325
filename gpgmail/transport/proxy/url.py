"""Proxy URLs, as in `Mailer(proxy=…)` and in the environment: which rows each scheme sets.

    http://host[:80]       HTTP CONNECT            socks4://host[:1080]    SOCKS4
    socks5://host[:1080]   SOCKS5                  socks4a://host[:1080]   SOCKS4A
    socks5h://host[:1080]  SOCKS5, names at the proxy

As with curl, the proxy resolves names under http, socks4a and socks5h. `user:password@` before the
host is percent-decoded. No message repeats any part of a URL but its scheme.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.transport import url as server_url
from gpgmail.transport.firewall import FirewallOptions, server_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.transport.options import TransportOptions

ENVIRONMENT = "environment"

HINT = "http://host:port, socks5h://user:password@host:port, …, with / ? # @ : % percent-encoded"

# The type, and whether the proxy resolves names.
_SCHEMES: Mapping[str, tuple[int, bool]] = {
    "http": (1, True),
    "socks4": (2, False),
    "socks4a": (10, True),
    "socks5": (3, False),
    "socks5h": (3, True),
}
_SECURED = "https"


def state(options: TransportOptions, url: str) -> None:
    """Set in *options* the firewall of a proxy URL; `environment` takes what ALL_PROXY… name.

    Raises:
        UsageError: If it is not one; nothing of it is repeated.
        UnsupportedError: If it asks for TLS to the proxy itself.
    """
    if url == ENVIRONMENT:
        options.firewall_auto_detect = True
        return
    stated, remote = parse(url, "proxy")
    for name in ("type", "host", "port", "user", "password"):  # the type sets the port
        setattr(options, f"firewall_{name}", getattr(stated, f"firewall_{name}"))
    if remote:
        options.mail_server = f"*{server_name(options)}"


def parse(url: str, subject: str) -> tuple[FirewallOptions, bool]:
    """Return the rows that a proxy URL stands for, and whether the proxy resolves names.

    Raises:
        UsageError: If it is not one; *subject* says where it stood.
        UnsupportedError: If it asks for TLS to the proxy itself.
    """

    def bad(detail: str) -> GpgmailError:
        return Situation.BAD_VALUE.error(detail, subject=subject, hint=HINT)

    refuse_controls(url, subject)
    parts = server_url.split(url if "://" in url else f"http://{url}", bad)
    if parts.scheme == _SECURED:
        raise Situation.UNSUPPORTED_HERE.error(
            "no TLS to the proxy itself", subject=subject, hint="http://, if the proxy has it"
        )
    if parts.scheme not in _SCHEMES:
        raise bad(f"the scheme must be one of {', '.join(_SCHEMES)}")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise bad("nothing may follow host and port")
    host = server_url.decoded(parts.hostname or "", bad)
    if not host:
        raise bad("no host")
    kind, remote = _SCHEMES[parts.scheme]
    try:
        options = FirewallOptions(
            firewall_type=kind,
            firewall_host=host,
            firewall_user=server_url.decoded(parts.username or "", bad),
            firewall_password=server_url.decoded(parts.password or "", bad),
        )
        options.firewall_port = server_url.port(parts, options.firewall_port, bad)
    except GpgmailError as error:
        raise bad(f"{error.subject} is not usable") from None
    return options, remote
