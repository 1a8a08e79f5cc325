"""`config("Name=Value")` over declared rows: names without regard to case, values as text."""

from __future__ import annotations

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
    row = _row(type(obj), name.strip())
    if equals:
        setattr(obj, row.name, row.parse(value))
    return _as_text(getattr(obj, row.name))


def _row(cls: type[Declared], name: str) -> Row:
    for row in rows(cls):
        if row.key and row.key.lower() == name.lower():
            return row
    raise Situation.BAD_VALUE.error(f"{cls.__name__} has no such setting", subject=name)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
