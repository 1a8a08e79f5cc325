"""Declared rows: one line states a property or setting, everything else reads it.

A row gives the typed attribute, the keyword argument, validation, the config key, the docs, and
whether it was ever set. Rows stand in the room that honours them; components inherit row sets and
add methods. Rows are data: what follows from a value for other rows is a table in `implies`.

    class TransportOptions(Declared):
        mail_port: int = prop(default=25, check=port, locked=Situation.PORT_LOCKED, doc="…")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import get_annotations
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    NamedTuple,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
)

from gpgmail.core.errors import GpgmailError
from gpgmail.core.secret import MASK
from gpgmail.core.situations import Situation

Check = Callable[[Any], Any]
Implies = Callable[[Any], Mapping[str, Any]]


class Deferred(NamedTuple):
    """A row's value that is too large to keep: `read` fetches it whenever it is asked for."""

    read: Callable[[], Any]


@dataclass(slots=True, kw_only=True)
class Row:
    """A declared property (`documented` on the reference pages as one) or setting."""

    default: Any
    doc: str
    key: str = ""  # the name that config() knows it by
    also: str = ""  # another such name; `alias` would mean something to type checkers (PEP 681)
    prop: bool = True
    check: Check | None = None
    locked: Situation | None = None  # raised when set while connected
    # Other rows that are set along with this one, by its value; a function gets what they have.
    implies: Implies | None = None
    secret: bool = False
    private: bool = False  # what people write: repr shows its length alone
    inert: str = ""  # why nothing but the default can be honoured here
    name: str = ""
    type: Any = object

    def __get__(self, obj: Declared | None, owner: type) -> Any:
        if obj is None:
            return self
        value = obj._values.get(self.name, self.default)
        return obj._current(self, value.read() if isinstance(value, Deferred) else value)

    def __set__(self, obj: Declared, value: Any) -> None:
        obj._before_set(self)
        value = self.accept(value)
        obj._values[self.name] = value
        if self.implies is not None:
            for name, other in self.implies(value).items():
                obj._values[name] = other(getattr(obj, name)) if callable(other) else other
        obj._after_set(self)

    def accept(self, value: Any) -> Any:
        """Return *value* as it is stored.

        Raises:
            UsageError: If its type or range is wrong.
        """
        kinds = self.type if isinstance(self.type, tuple) else (self.type,)
        wrong_bool = isinstance(value, bool) and bool not in kinds
        if not isinstance(value, kinds) or wrong_bool:
            names = " or ".join(kind.__name__ for kind in kinds)
            raise self._bad(f"takes {names}, not {type(value).__name__}")
        if self.inert and value != self.default:
            raise Situation.UNSUPPORTED_HERE.error(
                self.inert, subject=self._shown_name, hint=f"leave it at {self.default!r}"
            )
        if self.check is None:
            return value
        try:
            return self.check(value)
        except GpgmailError:
            raise
        except ValueError as error:
            raise self._bad(str(error)) from None

    def parse(self, text: str) -> Any:
        """Return the value that *text* stands for in config()."""
        kind = self.type[0] if isinstance(self.type, tuple) else self.type
        try:
            return _PARSERS[kind](text)
        except (KeyError, ValueError):
            raise self._bad(f"cannot be read as {kind.__name__}: {self._shown(text)}") from None

    def shown(self, value: Any) -> str:
        """Return *value* as a repr may show it."""
        if self.secret:
            return MASK
        sized = self.private and isinstance(value, (str, bytes))
        return f"<{type(value).__name__} of {len(value)}>" if sized else repr(value)

    def _shown(self, text: str) -> str:
        return MASK if self.secret else repr(text)

    def _bad(self, detail: str) -> GpgmailError:
        return Situation.BAD_VALUE.error(detail, subject=self._shown_name)

    @property
    def _shown_name(self) -> str:
        return self.name if self.prop else self.key


def _words(text: str) -> tuple[str, ...]:
    """Split as a shell does, so that a word may hold blanks."""
    from shlex import split

    return tuple(split(text))


_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_PARSERS: dict[type, Callable[[str], Any]] = {
    bool: lambda text: _BOOLEANS[text.strip().lower()],
    int: lambda text: int(text, 16 if text.strip().lower().startswith("0x") else 10),
    float: float,
    str: str,
    bytes: lambda text: text.encode(),
    tuple: _words,
}


def prop(
    *,
    default: Any,
    doc: str,
    key: str = "",
    check: Check | None = None,
    locked: Situation | None = None,
    implies: Implies | None = None,
    secret: bool = False,
    private: bool = False,
) -> Any:
    """Declare a property; *key* is its name in config() where it has one there too."""
    return Row(
        default=default,
        doc=doc,
        key=key,
        check=check,
        locked=locked,
        implies=implies,
        secret=secret,
        private=private,
    )


def setting(
    *,
    default: Any,
    doc: str,
    key: str,
    also: str = "",
    check: Check | None = None,
    locked: Situation | None = None,
    implies: Implies | None = None,
    secret: bool = False,
) -> Any:
    """Declare a setting: reached by config() under *key* or *also*, and as an attribute."""
    return Row(
        default=default,
        doc=doc,
        key=key,
        also=also,
        prop=False,
        check=check,
        locked=locked,
        implies=implies,
        secret=secret,
    )


def inert(*, default: Any, why: str, key: str = "") -> Any:
    """Declare what is documented but can mean nothing here, a setting where it has a *key*.

    It reads its documented default and takes no other value; *why* is what the caller is told.
    """
    doc = f"Without meaning here: {why}."
    return Row(default=default, doc=doc, key=key, prop=not key, inert=why)


def like(source: type[Declared], name: str, *, prefix: str) -> Any:
    """Declare a property that is as the row *name* of *source*, and has no name in config().

    What it sets along are rows of its own set, which lack *prefix*.
    """
    row: Row = getattr(source, name)
    implied = row.implies

    def implies(value: Any) -> Mapping[str, Any]:
        found = implied(value) if implied is not None else {}
        return {other.removeprefix(prefix): what for other, what in found.items()}

    return replace(row, key="", also="", locked=None, implies=implied and implies)


@dataclass_transform(kw_only_default=True, field_specifiers=(prop, setting, inert))
class Declared:
    """Base of row sets."""

    # What config() reads and nobody can set: its name there, and the attribute that has the value.
    # Those of the bases stay.
    _read_only_settings: ClassVar[Mapping[str, str]] = {}

    _values: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: row for name, row in vars(cls).items() if isinstance(row, Row)}
        if not own:
            return
        hints = get_annotations(cls, eval_str=True)
        for name, row in own.items():
            row.name = name
            row.type = _runtime_type(hints[name])

    def __init__(self, **values: Any) -> None:
        self._values = {}
        self._set_up()
        known = {row.name for row in rows(type(self))}
        for name, value in values.items():
            if name not in known:
                raise unknown(type(self), name)
            setattr(self, name, value)

    def __repr__(self) -> str:
        shown = (
            f"{row.name}={row.shown(self._values[row.name])}"
            for row in rows(type(self))
            if row.name in self._values
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    if not TYPE_CHECKING:  # a checker that sees it lets every name pass

        def __setattr__(self, name: str, value: Any) -> None:
            """Set an attribute; a name that is misspelt would otherwise be taken for nothing."""
            if not (name.startswith("_") or hasattr(type(self), name)):
                raise unknown(type(self), name)
            super().__setattr__(name, value)

    def _set_up(self) -> None:
        """Make what the object needs before its rows are set.

        An `__init__` of a subclass would cost it the typed one that checkers derive from the rows.
        """

    def _replace(self, name: str, value: Any) -> None:
        """Store what the object itself made of a row, without checks and notes."""
        self._values[name] = value

    def _current(self, row: Row, value: Any) -> Any:  # noqa: ARG002 - for those who override it
        """Return what reading a row gives now, *value* being what was set; components do."""
        return value

    def _before_set(self, row: Row) -> None:
        """Say no to a change that must not happen now; components do."""

    def _after_set(self, row: Row) -> None:
        """Take note of a change; components do."""


def rows(cls: type[Declared]) -> Iterator[Row]:
    """Yield the rows of *cls*, those of its bases first, in the order in which they stand."""
    seen: dict[str, Row] = {}
    for base in reversed(cls.__mro__):
        seen.update((name, row) for name, row in vars(base).items() if isinstance(row, Row))
    yield from seen.values()


def unknown(cls: type[Declared], name: str) -> GpgmailError:
    """Return the error for a name that *cls* does not have, with the nearest that it has."""
    from difflib import get_close_matches

    near = get_close_matches(name, [one for one in dir(cls) if not one.startswith("_")], n=1)
    hint = f"{near[0]} is the nearest" if near else ""
    return Situation.BAD_VALUE.error(f"{cls.__name__} has no such member", subject=name, hint=hint)


def is_set(obj: Declared, name: str) -> bool:
    """Tell whether the row *name* was ever set on *obj*."""
    return name in obj._values


def stated(obj: Declared, name: str) -> Any:
    """Return what the row *name* was set to, whatever reading it gives."""
    return obj._values.get(name, getattr(type(obj), name).default)


def _runtime_type(hint: Any) -> Any:
    """Return what isinstance() takes for an annotation: a class, or a tuple for a union."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(map(_runtime_type, get_args(hint)))
    return get_origin(hint) or hint
