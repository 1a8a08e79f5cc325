"""`config("Name=Value")` over declared rows: names without regard to case, values as text."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from gpgmail.core.declare import Declared, Row, rows
from gpgmail.core.situations import Situation


def configure(obj: Declared, text: str) -> str:
    """Set or read a setting of *obj*; return its value as text.

    `Name=Value` sets, `Name` reads. Booleans are True, False, 1, 0, Yes, No in any case.

    Raises:
        UsageError: If there is no such setting, or the value does not fit.
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    attribute = _read_only(type(obj), name)
    if not attribute:
        row = _row(type(obj), name)
        if equals:
            setattr(obj, row.name, row.parse(value))
        attribute = row.name
    elif equals:
        raise Situation.BAD_VALUE.error("can only be read", subject=name)
    return _as_text(attrgetter(attribute)(obj))


def _read_only(cls: type[Declared], name: str) -> str:
    """Return the attribute that a read-only setting reads, empty where *name* is none."""
    for base in cls.__mro__:
        for key, attribute in vars(base).get("_read_only_settings", {}).items():
            if key.lower() == name.lower():
                return str(attribute)
    return ""


def _row(cls: type[Declared], name: str) -> Row:
    for row in rows(cls):
        if name and name.lower() in {row.key.lower(), row.also.lower()}:
            return row
    raise Situation.BAD_VALUE.error(f"{cls.__name__} has no such setting", subject=name)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
