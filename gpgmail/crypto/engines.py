"""The engines by name: a new one is one file and one row here, loaded when it is asked for.

`auto` is what the environment's GPGMAIL_ENGINE names, otherwise the first row: both have gpg do the
same, and that one needs no other package and is the faster one (docs/decisions.md).
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, cast

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.crypto.engine import Engine

ENGINES = {
    "gnupg": ("gpgmail.crypto.gnupg_engine", "GnupgEngine"),
    "gpgme": ("gpgmail.crypto.gpgme_engine", "GpgmeEngine"),
}
AUTO = "auto"
NAMES = (AUTO, *ENGINES)
VARIABLE = "GPGMAIL_ENGINE"


def engine(name: str = AUTO) -> Engine:
    """Return a new engine by its name, which is to be closed in the end.

    Raises:
        UsageError: If there is none of that name.
        UnsupportedError: If the package that it needs is not installed.
    """
    subject = repr(name)
    if name == AUTO:
        name = os.environ.get(VARIABLE) or AUTO
        subject = f"{VARIABLE}={name}"
    if name == AUTO:
        name = next(iter(ENGINES))
    if name not in ENGINES:
        raise Situation.BAD_VALUE.error(
            f"is no engine; there is {', '.join(NAMES)}", subject=subject
        )
    module, cls = ENGINES[name]
    return cast("Engine", getattr(import_module(module), cls)())
