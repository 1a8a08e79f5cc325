"""`Firewall`: what stands between this machine and the server, as one value."""

from __future__ import annotations

from typing import Any

from gpgmail.core.declare import Declared, Row, like, rows
from gpgmail.transport.firewall import FirewallOptions

_PREFIX = "firewall_"


def _flat(name: str) -> str:
    return _PREFIX + name.removeprefix(_PREFIX)


def _like(name: str) -> Any:  # noqa: ANN401 - the value of any row
    return like(FirewallOptions, _flat(name), prefix=_PREFIX)


class Firewall(Declared):
    """A firewall, or the view of a component's: its fields are then those `firewall_x` properties.

    Setting `firewall_type` sets `port` to the usual one.
    """

    auto_detect: bool = _like("auto_detect")
    firewall_type: int = _like("firewall_type")
    host: str = _like("host")
    password: str = _like("password")
    port: int = _like("port")
    user: str = _like("user")

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
