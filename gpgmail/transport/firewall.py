"""The rows of a firewall between this machine and the server, and whether one is asked for.

How it is connected through is `proxy`'s matter, which is loaded only then.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gpgmail.core.checks import one_line, port
from gpgmail.core.declare import Declared, prop, setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.transport.options import TransportOptions

# What kinds there are, and the port that each usually has.
KINDS = {0: 0, 1: 80, 2: 1080, 3: 1080, 10: 1080}

_ASTERISK = "*"
_HEADER_LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*")  # RFC 9110 section 5
_LINE_END = re.compile(r"\r?\n")
_NOT_TO_ADD = frozenset({"content-length", "host", "transfer-encoding"})
_EXCEPTION = re.compile(r"(\*|(\*?\.)?[^\s,*]+)")


def kind(value: int) -> int:
    """Accept a kind of firewall."""
    if value not in KINDS:
        raise ValueError(f"must be one of {', '.join(map(str, KINDS))}, not {value}")
    return value


def header_lines(value: str) -> list[str]:
    """Return the lines of FirewallData.

    Raises:
        ValueError: If one is no header line, or would change what a request is.
    """
    lines = _LINE_END.split(value.rstrip("\r\n")) if value else []
    for position, line in enumerate(lines, 1):
        if not _HEADER_LINE.fullmatch(line):
            raise ValueError(f"line {position} is not `Name: value` in printable ASCII")
        name = line.partition(":")[0].lower()
        if name in _NOT_TO_ADD:
            raise ValueError(f"line {position}: {name} is not for the caller to set")
    return lines


def _data(value: str) -> str:
    header_lines(value)
    return value


def _exceptions(value: str) -> str:
    one_line("ProxyExceptionsList")(value)
    for entry in filter(None, map(str.strip, value.split(";"))):
        if not _EXCEPTION.fullmatch(entry):
            raise ValueError(
                f"must be names, *.domain, addresses or networks separated by ;, not {entry!r}"
            )
    return value


def _usual_port(value: int) -> Mapping[str, int]:
    return {"firewall_port": KINDS[value]}


class FirewallOptions(Declared):
    """Through which firewall the server is reached."""

    firewall_auto_detect: bool = prop(
        default=False,
        key="FirewallAutoDetect",
        doc="Without a firewall_host, take what ALL_PROXY or else HTTPS_PROXY names, unless "
        "NO_PROXY has the server.",
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
        doc="Name or address of the firewall; needs a firewall_type.",
    )
    firewall_user: str = prop(
        default="",
        key="FirewallUser",
        check=one_line("firewall_user"),
        doc="User to log in to the firewall as.",
    )
    firewall_password: str = prop(
        default="",
        key="FirewallPassword",
        secret=True,
        doc="Password to log in with; it goes to the firewall in clear, and SOCKS4 has none.",
    )
    firewall_port: int = prop(
        default=0, key="FirewallPort", check=port, doc="Port; 80 or 1080 by the type."
    )
    firewall_data: str = setting(
        default="",
        key="FirewallData",
        check=_data,
        secret=True,
        doc="Further header lines for a tunnel, `Name: value`, separated by line ends.",
    )
    proxy_exceptions_list: str = setting(
        default="",
        key="ProxyExceptionsList",
        check=_exceptions,
        doc="Servers that are reached without the firewall, separated by semicolons: names, "
        "*.domain, addresses, networks (192.0.2.0/24), compared with mail_server as it is set.",
    )


def server_name(options: TransportOptions) -> str:
    """Return mail_server without the asterisk that leaves its resolution to the firewall."""
    return options.mail_server.removeprefix(_ASTERISK)


def leaves_name(options: TransportOptions) -> bool:
    """Tell whether the firewall is to resolve the server's name."""
    return options.mail_server.startswith(_ASTERISK)


def is_asked_for(options: TransportOptions) -> bool:
    """Tell whether anything in *options* asks for a firewall, completely or not."""
    return bool(
        options.firewall_type
        or options.firewall_host
        or options.firewall_auto_detect
        or leaves_name(options)
    )
