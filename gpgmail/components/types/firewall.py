"""`Firewall`: what stands between this machine and the server, as one value."""

from __future__ import annotations

from typing import Any

from gpgmail.core.checks import one_line, port
from gpgmail.core.declare import Declared, Row, prop, rows
from gpgmail.transport.firewall import KINDS, FirewallOptions, kind

_PREFIX = "firewall_"


class Firewall(Declared):
    """A firewall, or the view of a component's: its fields are then those `firewall_x` properties.

    Setting `firewall_type` sets `port` to the usual one.
    """

    auto_detect: bool = prop(default=False, doc="Take the firewall that the system names.")
    firewall_type: int = prop(
        default=0,
        check=kind,
        implies=lambda value: {"port": KINDS[value]},
        doc="0 none, 1 tunnel (HTTP CONNECT), 2 SOCKS4, 3 SOCKS5, 10 SOCKS4A.",
    )
    host: str = prop(default="", check=one_line("host"), doc="Name or address of the firewall.")
    password: str = prop(default="", secret=True, doc="Password to log in with.")
    port: int = prop(default=0, check=port, doc="Port of the firewall.")
    user: str = prop(default="", check=one_line("user"), doc="User to log in as.")

    def _set_up(self) -> None:
        self._seen: FirewallOptions | None = None

    @classmethod
    def of(cls, options: FirewallOptions) -> Firewall:
        """Return the view of the firewall that *options* state."""
        view = cls()
        view._seen = options
        return view

    def copy_to(self, options: FirewallOptions) -> None:
        """State this firewall in *options*."""
        values = {row.name: getattr(self, row.name) for row in rows(type(self))}
        for name, value in sorted(values.items(), key=lambda item: item[0] == "port"):
            setattr(options, _flat(name), value)  # the port last: the type sets it

    def _current(self, row: Row, value: Any) -> Any:  # noqa: ANN401 - any row's
        return value if self._seen is None else getattr(self._seen, _flat(row.name))

    def _after_set(self, row: Row) -> None:
        if self._seen is not None:
            setattr(self._seen, _flat(row.name), self._values[row.name])


def _flat(name: str) -> str:
    return _PREFIX + name.removeprefix(_PREFIX)
