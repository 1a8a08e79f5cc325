"""The rows that a component honours itself."""

from __future__ import annotations

from gpgmail.core.checks import between
from gpgmail.core.declare import Declared, setting


class ComponentOptions(Declared):
    """How much a component tells."""

    log_level: int = setting(
        default=1,
        key="LogLevel",
        check=between(0, 3),
        doc="Status events: 0 none, 1 information, 2 details, 3 debugging.",
    )
