"""The rows that the components honour themselves."""

from __future__ import annotations

from gpgmail.core.checks import between
from gpgmail.core.declare import Declared, setting
from gpgmail.keys.trust import parse


def _trust(value: str) -> str:
    if value:
        parse(value)
    return value


class ComponentOptions(Declared):
    """How much a component tells."""

    log_level: int = setting(
        default=1,
        key="LogLevel",
        check=between(0, 3),
        doc="Status events: 0 none, 1 information, 2 details, 3 debugging.",
    )


class KeyOptions(Declared):
    """Whose keys are taken, and that they are."""

    trust: str = setting(
        default="",
        key="Trust",
        check=_trust,
        doc="Which keys belong to an address of a recipient: `gnupg` by gpg's validity, "
        "`pinned:FILE` by a list, `always` whichever is found; empty for `gnupg` in directories "
        "and `always` in files. Keys named by fingerprint are not asked. Ours.",
    )
    require_protection: bool = setting(
        default=True,
        key="RequireProtection",
        doc="send() refuses a message for which keys are set but not used. Ours.",
    )
