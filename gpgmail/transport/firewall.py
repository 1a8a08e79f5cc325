"""The rows of a firewall between this machine and the server.

Nothing connects through one yet: a connection that is asked to is refused, and not made directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.checks import one_line, port
from gpgmail.core.declare import Declared, prop, setting
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping

# What kinds there are, and the port that each usually has.
KINDS = {0: 0, 1: 80, 2: 1080, 3: 1080, 10: 1080}


def kind(value: int) -> int:
    """Accept a kind of firewall."""
    if value not in KINDS:
        raise ValueError(f"must be one of {', '.join(map(str, KINDS))}, not {value}")
    return value


def _usual_port(value: int) -> Mapping[str, int]:
    return {"firewall_port": KINDS[value]}


class FirewallOptions(Declared):
    """Through which firewall the server is reached."""

    firewall_auto_detect: bool = prop(
        default=False, key="FirewallAutoDetect", doc="Take the firewall that the system names."
    )
    firewall_type: int = prop(
        default=0,
        key="FirewallType",
        check=kind,
        implies=_usual_port,
        doc="0 none, 1 tunnel (HTTP CONNECT), 2 SOCKS4, 3 SOCKS5, 10 SOCKS4A; sets the port.",
    )
    firewall_host: str = prop(
        default="",
        key="FirewallHost",
        check=one_line("firewall_host"),
        doc="Name or address of the firewall.",
    )
    firewall_user: str = prop(
        default="", key="FirewallUser", check=one_line("firewall_user"), doc="User to log in as."
    )
    firewall_password: str = prop(
        default="", key="FirewallPassword", secret=True, doc="Password to log in with."
    )
    firewall_port: int = prop(
        default=0, key="FirewallPort", check=port, doc="Port; 80 or 1080 by the type."
    )
    firewall_data: str = setting(
        default="",
        key="FirewallData",
        secret=True,
        doc="Further header lines for a tunnel.",
    )
    proxy_exceptions_list: str = setting(
        default="",
        key="ProxyExceptionsList",
        check=one_line("ProxyExceptionsList"),
        doc="Servers that are reached without the firewall, separated by semicolons.",
    )


def refuse(options: FirewallOptions) -> None:
    """Go on where no firewall is stated.

    Raises:
        UnsupportedError: If one is.
    """
    stated = {
        "firewall_auto_detect": options.firewall_auto_detect,
        "firewall_type": options.firewall_type,
        "firewall_host": options.firewall_host,
    }
    name = next((name for name, value in stated.items() if value), "")
    if name:
        raise Situation.UNSUPPORTED_HERE.error(
            "no connection is made through a firewall yet", subject=name, hint="leave it unset"
        )
