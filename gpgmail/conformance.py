"""What of the reference is there, what it is worth, and which test shows it.

    python -m gpgmail.conformance surface.json [--tests DIRECTORY] [--planned FILE]

The table of the reference's members is compared with the components: names, accessors, parameters,
defaults, error codes; what a page of plain SMTP has, with both of them. A member that works needs a
test that carries its name in a `proves` mark and runs everywhere. Members in the file of planned
ones may be missing, and none of those that work may stand there. The exit code is 1 when anything
is missing, has no test, or is planned although it works, and when a mark is on what may not run.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gpgmail.components as face
from gpgmail.components.deviations import DEVIATIONS
from gpgmail.components.surface import EVENTS
from gpgmail.core.codes import ALIASES, NEVER, ErrorCode
from gpgmail.core.declare import Declared, Row, rows
from gpgmail.core.errors import GpgmailError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

INERT = "inert members"  # what the test proves that tries all that can mean nothing here
UNUSED = "unused codes"  # and the one that tries all codes that never occur

_DEFAULTS = {"TRUE": True, "FALSE": False, "True": True, "False": False}
_ALWAYS_SET = ("rw", "wo")
_ALWAYS_READ = ("rw", "ro")
_PLAIN = "SMTP ("  # how the names of the pages begin that know no OpenPGP
_MARK = "pytest.mark.proves"
_EXCUSE = re.compile(r"\bpytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")


class Status(StrEnum):
    """What a member of the reference is here."""

    WORKS = "works"
    CANNOT = "cannot mean anything here"
    PLANNED = "planned"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the table."""

    name: str
    kind: str
    pages: tuple[str, ...]
    status: Status
    note: str = ""
    tests: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether the build has to fail for it."""
        return self.status is Status.MISSING or not (self.tests or self.status is Status.PLANNED)


def members(
    surface: Mapping[str, Any], proofs: Mapping[str, tuple[str, ...]], planned: Iterable[str]
) -> Iterator[Member]:
    """Yield every member of the reference with what it is here."""
    listed = frozenset(planned)
    for kind, name, entry in _entries(surface):
        fault = _fault(kind, name, entry)
        status, note = _status(kind, name, fault)
        tests = proofs.get(_proved_as(kind, name, status), ())
        if name in listed:
            done = status is not Status.MISSING and bool(tests)
            status = Status.MISSING if done else Status.PLANNED
            note = "stands among the planned ones and works" if done else note
        yield Member(name, kind, tuple(entry["seeds"]), status, note, tests)


def proofs_in(directory: Path) -> dict[str, tuple[str, ...]]:
    """Return the tests below *directory* that prove a member, by the member's name."""
    found: dict[str, list[str]] = {}
    for where, names, excuse in _marked_in(directory):
        for name in names if not excuse else ():
            found.setdefault(name, []).append(where)
    return {name: tuple(tests) for name, tests in found.items()}


def idle_in(directory: Path) -> tuple[str, ...]:
    """Return what below *directory* is marked to prove a member and may not run, and why."""
    return tuple(f"{where} {excuse}" for where, _, excuse in _marked_in(directory) if excuse)


def _marked_in(directory: Path) -> Iterator[tuple[str, tuple[str, ...], str]]:
    for path in sorted(directory.rglob("test_*.py")):
        where = path.relative_to(directory.parent)
        text = path.read_text("utf-8")
        if _MARK not in text:
            continue
        tree = ast.parse(text)
        collected = _collected(tree, excusing=bool(_EXCUSE.search(text)))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (names := tuple(_proved_by(node))):
                excuse = collected.get(node, "is not collected")
                yield f"{where}::{node.name}", names, excuse


def _proved_by(test: ast.FunctionDef) -> Iterator[str]:
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == _MARK:
            yield from (str(ast.literal_eval(argument)) for argument in mark.args)


def _collected(tree: ast.Module, *, excusing: bool) -> dict[ast.stmt, str]:
    """Return the tests that pytest finds in a file, each with why it may not run.

    Most files excuse nothing, and are not looked through for it.
    """
    excuses, whole = _excuses(tree) if excusing else (set(), False)
    found: dict[ast.stmt, str] = {}
    for outer in tree.body:
        if not isinstance(outer, ast.ClassDef | ast.FunctionDef):
            continue
        in_class = isinstance(outer, ast.ClassDef) and outer.name.startswith("Test")
        for node in outer.body if in_class else [outer]:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                excused = excusing and any(_is_excused(one, excuses) for one in (outer, node))
                found[node] = "may be skipped" if whole or excused else ""
    return found


def _is_excused(node: ast.ClassDef | ast.FunctionDef, excuses: set[str]) -> bool:
    decorators = {ast.unparse(one) for one in node.decorator_list}
    own = ast.unparse(node) if isinstance(node, ast.FunctionDef) else "".join(decorators)
    return bool(decorators & excuses or _EXCUSE.search(own))


def _excuses(tree: ast.Module) -> tuple[set[str], bool]:
    """Return the names of a file's own skipping marks, and whether all of it may be skipped."""
    names: set[str] = set()
    whole = False
    for node in tree.body:
        definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if definition or not _EXCUSE.search(ast.unparse(node)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else ()
        named = {target.id for target in targets if isinstance(target, ast.Name)}
        whole = whole or not named or "pytestmark" in named
        names |= named
    return names, whole


def _entries(surface: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for section, kind in _KINDS.items():
        for name, entry in surface[section].items():
            yield kind, name, entry
    for name, fields in surface["types"].items():
        yield from (("field", f"{name}.{field}", entry) for field, entry in fields.items())
    for title, codes in surface["errors"].items():
        family = title.removesuffix(" Errors")
        yield from (("error", f"{family} {number}", entry) for number, entry in codes.items())


def _status(kind: str, name: str, fault: str) -> tuple[Status, str]:
    if fault:
        return Status.MISSING, fault
    why = NEVER.get(_code(name), "") if kind == "error" else _inert(name)
    if why:
        return Status.CANNOT, why
    return Status.WORKS, DEVIATIONS.get(name, "")


def _inert(name: str) -> str:
    """Return why a property or setting can mean nothing here, empty where it can."""
    return next((row.inert for row in rows(face.PSMTP) if name in (row.name, row.key)), "")


def _proved_as(kind: str, name: str, status: Status) -> str:
    if status is Status.CANNOT:
        return UNUSED if kind == "error" else INERT
    if kind != "error" or status is Status.MISSING:
        return name
    code = _code(name)
    return f"{code.family} {code.number}"


# ---------------------------------------------------------------------- what is wrong with a member


def _fault(kind: str, name: str, entry: Mapping[str, Any]) -> str:
    """Return what is wrong with a member in PSMTP, or in SMTP where that has to have it."""
    check = _CHECKS[kind]
    plain = any(page.startswith(_PLAIN) for page in entry["seeds"])
    faults = (
        (one.__name__, check(one, name, entry)) for one in (face.PSMTP, face.SMTP)[: 1 + plain]
    )
    return next((f"{owner}: {fault}" for owner, fault in faults if fault), "")


def _property(owner: type[Any], name: str, entry: Mapping[str, Any]) -> str:
    access = entry.get("access", "rw")
    needed = [f"get_{name}"] * (access in _ALWAYS_READ) + [f"set_{name}"] * (access in _ALWAYS_SET)
    if " " in entry.get("type", "") or entry.get("type", "") in ("Firewall", "Certificate"):
        needed = [name]  # a collection or a value, reached by its attribute alone
    elif not entry.get("indexed"):
        needed = [name, *(accessor.replace("__", "_").removesuffix("_") for accessor in needed)]
    absent = [one for one in needed if not hasattr(owner, one)]
    if absent:
        return f"no {', '.join(absent)}"
    return "" if entry.get("indexed") or access == "wo" else _default(owner(), name, entry)


def _default(owner: object, name: str, entry: Mapping[str, Any]) -> str:
    """Compare the default; a type's name in the table stands for no default."""
    documented = entry.get("default")
    if documented is None or name in DEVIATIONS:
        return ""
    expected = _DEFAULTS.get(documented, documented.strip('"'))
    read = getattr(owner, name)
    found = read.decode() if isinstance(read, bytes) else read
    return "" if str(found) == str(expected) else f"is {found!r} by default, not {expected!r}"


def _method(owner: type[Any], name: str, entry: Mapping[str, Any]) -> str:
    method = getattr(owner, name, None)
    if not callable(method):
        return f"no {name}()"
    documented = [part.partition(":")[0].strip() for part in entry["args"].split(",") if part]
    found = list(inspect.signature(method).parameters)[1:]
    return "" if found == documented else f"takes {found}, not {documented}"


def _event(owner: type[Any], name: str, entry: Mapping[str, Any]) -> str:
    event = next((event for event in EVENTS if event.handler == name), None)
    if event is None or not hasattr(owner, name):
        return "no such event"
    documented = {parameter["name"] for parameter in entry["params"]}
    lacking = documented - set(inspect.get_annotations(event))
    return f"lacks {', '.join(sorted(lacking))}" if lacking else ""


def _setting(owner: type[Any], name: str, entry: Mapping[str, Any]) -> str:
    mailer = owner()
    try:
        value = mailer.config(name)
    except GpgmailError as error:
        return str(error)
    writable = _accepts(mailer, f"{name}={value}")
    if writable is (entry.get("access") == "ro"):
        return "can be set" if writable else "cannot be set"
    documented = entry.get("default")
    if documented is None or name in DEVIATIONS or value == str(documented):
        return ""
    return f"is {value!r} by default, not {documented!r}"


def _accepts(mailer: Any, text: str) -> bool:  # noqa: ANN401 - a component
    try:
        mailer.config(text)
    except GpgmailError:
        return False
    return True


def _field(_owner: type[Any], name: str, entry: Mapping[str, Any]) -> str:
    kind_name, _, field = name.partition(".")
    kind: type[Declared] | None = getattr(face, kind_name, None)
    if kind is None:
        return f"no type {kind_name}"
    member = inspect.getattr_static(kind, field, None)
    if member is None:
        return f"no {field}"
    writable = isinstance(member, Row) or getattr(member, "fset", None) is not None
    if writable is not (entry["access"] == "rw"):
        return "can be set" if writable else "cannot be set"
    return _default(kind(), field, entry)


def _error(_owner: type[Any], name: str, _entry: Mapping[str, Any]) -> str:
    try:
        _code(name)
    except KeyError:
        return "no such code"
    return ""


def _code(name: str) -> ErrorCode:
    family, _, number = name.rpartition(" ")
    key = (family, int(number))
    return ALIASES.get(key) or ErrorCode.find(*key)


_KINDS = {
    "properties": "property",
    "methods": "method",
    "events": "event",
    "config": "setting",
}
_CHECKS: Mapping[str, Callable[[type[Any], str, Mapping[str, Any]], str]] = {
    "property": _property,
    "method": _method,
    "event": _event,
    "setting": _setting,
    "field": _field,
    "error": _error,
}


# -------------------------------------------------------------------------------------- the program


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 1 when something is wrong with it."""
    parser = argparse.ArgumentParser(prog="gpgmail.conformance", description=__doc__.split("\n")[0])
    parser.add_argument("surface", type=Path, help="the table of the reference's members")
    parser.add_argument("--tests", type=Path, default=Path("tests"), help="where the tests are")
    parser.add_argument("--planned", type=Path, help="members that are not built yet, one a line")
    options = parser.parse_args(arguments)
    planned = options.planned or options.tests / "data" / "planned.txt"
    table = list(
        members(
            json.loads(options.surface.read_text("utf-8")),
            proofs_in(options.tests),
            planned_in(planned) if planned.exists() else (),
        )
    )
    wrong = [*(one.name for one in table if one.wrong), *idle_in(options.tests)]
    lines = (*map(_line, table), _sum(table), _end(wrong))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if wrong else 0


def _line(member: Member) -> str:
    test = member.tests[0] if member.tests else "no test"
    pages = ", ".join(member.pages)
    return f"{member.name}\t{member.kind}\t{pages}\t{member.status}\t{member.note}\t{test}"


def _sum(table: list[Member]) -> str:
    return ", ".join(f"{sum(one.status is status for one in table)} {status}" for status in Status)


def _end(wrong: list[str]) -> str:
    return f"{len(wrong)} wrong: {', '.join(wrong)}" if wrong else "all is well"


def planned_in(path: Path) -> tuple[str, ...]:
    """Return the members that a file lists; lines that begin with # say why."""
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


if __name__ == "__main__":
    sys.exit(main())
