"""The engines by name: a new one is one file and one row here, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.crypto.engine import Engine

ENGINES = {
    "gnupg": ("gpgmail.crypto.gnupg_engine", "GnupgEngine"),
    "gpgme": ("gpgmail.crypto.gpgme_engine", "GpgmeEngine"),
}
DEFAULT = "gnupg"


def engine(name: str = DEFAULT) -> Engine:
    """Return a new engine by its name.

    Raises:
        UsageError: If there is none of that name.
    """
    if name not in ENGINES:
        known = ", ".join(ENGINES)
        raise Situation.BAD_VALUE.error(f"is no engine; there is {known}", subject=repr(name))
    module, cls = ENGINES[name]
    return cast("Engine", getattr(import_module(module), cls)())
