"""docs/reference.md: every property, setting, method and event of the components.

Rows say what they are for by themselves; what is written by hand says it in its docstring.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from gpgmail.components.surface import EVENTS, FACES, CollectionSurface
from gpgmail.core.declare import Row, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.components.surface import Face

_GENERATED = {"gpgmail.components._accessors", "gpgmail.components._handlers"}
_ACCESSORS = """\
A property `x` has `get_x()` and `set_x(value)` too; a field of a collection has
`get_key_user_id(index)` and `set_key_user_id(index, value)`, and a collection its `key_count`.
`config("Name=Value")` sets what has a name in the column *config*, `config("Name")` reads it.
Secrets are set and never shown."""


def lines() -> Iterator[str]:
    """Yield the page, without what generated files begin with."""
    # The accessors, which the components inherit, may have been written only now.
    from gpgmail.components import PSMTP, SMTP

    yield from ("# Properties, settings, methods and events", "", _ACCESSORS)
    known: type = object
    for face, component in zip(FACES, (SMTP, PSMTP), strict=True):
        yield from _face(face, component, known)
        known = component
    yield from ("", "## Events", "", "| handler | parameters | when |", "|---|---|---|")
    for event in EVENTS:
        names = ", ".join(f"`{name}`" for name in inspect.get_annotations(event))
        yield _cells(f"`{event.handler}`", names, _sentence(event))


def _face(face: Face, component: type, known: type) -> Iterator[str]:
    """Yield what *component* has and *known*, its base, has not."""
    yield from ("", f"## {component.__name__}", "", face.doc, "")
    yield from ("| name | config | default | what it does |", "|---|---|---|---|")
    for row_set in face.row_sets:
        yield from map(_row, rows(row_set))
    yield from map(_collection, face.collections)
    members = dict(_members(component, known))
    properties = {name: one for name, one in members.items() if isinstance(one, property)}
    if properties:
        yield from ("", "| further property | | what it is |", "|---|---|---|")
        yield from (
            _cells(f"`{name}`", _access(one), _sentence(one)) for name, one in properties.items()
        )
    settings = dict(_read_only_settings(component, known))
    if settings:
        yield from ("", "| config that can only be read | property |", "|---|---|")
        yield from (_cells(f"`{name}`", f"`{read}`") for name, read in settings.items())
    yield from ("", "| method | what it does |", "|---|---|")
    for name, one in members.items():
        if inspect.isfunction(one) and not _is_accessor(name, component):
            named = ", ".join(list(inspect.signature(one).parameters)[1:])
            yield _cells(f"`{name}({named})`", _sentence(one))


def _members(component: type, known: type) -> Iterator[tuple[str, Any]]:
    """Yield what is written by hand, the base first, each name once and where it is told first."""
    seen = set(dir(known))
    for base in reversed(component.__mro__):
        if not base.__module__.startswith("gpgmail.") or base.__module__ in _GENERATED:
            continue
        for name, member in vars(base).items():
            if name not in seen and not name.startswith("_"):
                seen.add(name)
                yield name, member


def _is_accessor(name: str, component: type) -> bool:
    """Tell whether it is only get_x or set_x of a property x."""
    kind, _, what = name.partition("_")
    return kind in {"get", "set"} and hasattr(component, what)


def _read_only_settings(component: type, known: type) -> Iterator[tuple[str, str]]:
    bases = (base for base in reversed(component.__mro__) if base not in known.__mro__)
    for base in bases:
        yield from vars(base).get("_read_only_settings", {}).items()


def _access(member: property) -> str:
    if member.fset is None:
        return "read only"
    return "" if member.fget else "set only"


def _row(row: Row) -> str:
    default = "" if row.default in {"", b""} else f"`{row.default}`"
    keys = ", ".join(f"`{key}`" for key in (row.key, row.also) if key)
    return _cells(f"`{row.name}`", keys, default, row.doc)


def _collection(item: CollectionSurface) -> str:
    fields = ", ".join(f"`{field}`" for field in item.fields)
    count = f"Count: `{item.prefix}_count`."
    return _cells(f"`{item.name}`", "", "empty", f"{item.doc} {count} Fields: {fields}")


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _sentence(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
