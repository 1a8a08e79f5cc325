"""Every member of the reference is here, works, and has a test; or says why not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import indent

import pytest

import gpgmail
from gpgmail import conformance
from gpgmail.components import PSMTP
from gpgmail.components.deviations import DEVIATIONS
from gpgmail.conformance import Status
from gpgmail.core.codes import NEVER
from gpgmail.core.declare import rows

TESTS = Path(__file__).parent
SURFACE = TESTS / "data" / "surface.json"
PLANNED = TESTS / "data" / "planned.txt"
PLANNED_AT_MOST = 4  # goes down with the file, and never up
SHAPE = json.loads(SURFACE.read_text("utf-8"))
OURS = [
    row.key or row.name
    for row in rows(PSMTP)
    if row.key not in SHAPE["config"] and row.name not in SHAPE["properties"]
]


@pytest.fixture(scope="module")
def proofs():
    return conformance.proofs_in(TESTS)


@pytest.fixture(scope="module")
def table(proofs):
    return list(conformance.members(SHAPE, proofs, conformance.planned_in(PLANNED)))


def test_nothing_of_the_reference_is_missing_or_without_a_test(table):
    assert not [(one.name, one.status, one.note) for one in table if one.wrong]


def test_rows_of_our_own_say_so_and_have_a_test(proofs):
    assert not [name for name in OURS if name not in proofs]
    said = [row.key or row.name for row in rows(PSMTP) if "Ours" in row.doc]
    assert sorted(OURS) == sorted(said)


def test_the_table_has_every_member_once(table):
    named = [(one.kind, one.name) for one in table]
    sections = ("properties", "methods", "events", "config")
    groups = [SHAPE[name] for name in sections] + [
        fields for part in ("types", "errors") for fields in SHAPE[part].values()
    ]
    assert len(named) == len(set(named)) == sum(map(len, groups))


def test_what_is_planned_or_deviates_is_of_the_reference(table):
    names = {one.name for one in table}
    assert set(conformance.planned_in(PLANNED)) <= names
    assert set(DEVIATIONS) <= names


def test_the_list_of_planned_members_only_shrinks():
    assert len(conformance.planned_in(PLANNED)) == PLANNED_AT_MOST


def test_every_mark_stands_on_a_test_that_runs():
    assert conformance.idle_in(TESTS) == ()


def test_a_mark_names_a_member(table, proofs):
    names = {one.name for one in table} | {conformance.INERT, conformance.UNUSED} | set(OURS)
    own = {name for name in proofs if name.startswith("gpgmail ")}
    assert set(proofs) - own <= names


@pytest.mark.proves("unused codes")
@pytest.mark.parametrize("code", NEVER, ids=lambda code: code.name)
def test_a_code_that_never_occurs_is_named_nowhere(code):
    package = Path(gpgmail.__file__).parent
    word = re.compile(rf"\b{code.name}\b")
    naming = [path.name for path in package.rglob("*.py") if word.search(path.read_text("utf-8"))]
    assert naming == ["codes.py"]


def proved(name, *tests):
    return dict.fromkeys([name], tests)


def checked(section, name, entry, proofs=None, planned=()):
    """Return what becomes of one made-up entry of the table."""
    surface = {key: {} for key in ("properties", "methods", "events", "config", "types", "errors")}
    surface[section] = {name: {"seeds": ["page"], **entry}}
    (member,) = conformance.members(surface, proofs or {}, planned)
    return member


@pytest.mark.parametrize(
    ("section", "name", "entry", "note"),
    [
        ("properties", "no_such", {"access": "ro", "default": ""}, "no no_such, get_no_such"),
        ("properties", "key_count", {"seeds": ["SMTP (Java)"]}, "SMTP: no key_count"),
        ("methods", "sign", {"args": "", "seeds": ["SMTP (Java)"]}, "SMTP: no sign()"),
        ("config", "ClearSignature", {"seeds": ["SMTP (Java)"]}, "SMTP: "),
        ("properties", "mail_port", {"default": "26"}, "is 25 by default, not '26'"),
        ("properties", "idle", {"access": "rw"}, "no set_idle"),
        ("methods", "fly", {"args": ""}, "no fly()"),
        ("methods", "config", {"args": "text: str"}, "takes ['configuration_string']"),
        ("events", "on_fly", {"params": []}, "no such event"),
        ("events", "on_expand", {"params": [{"name": "place"}]}, "lacks place"),
        ("config", "Fly", {}, "no such setting"),
        ("config", "KeepQueue", {"default": "True"}, "is 'False' by default, not 'True'"),
        ("config", "KeepQueue", {"access": "ro"}, "can be set"),
        ("config", "BuildInfo", {"access": "rw"}, "cannot be set"),
    ],
)
def test_a_member_that_differs_is_missing(section, name, entry, note):
    member = checked(section, name, entry, proved(name, "test"))
    assert member.status is Status.MISSING
    assert note in member.note
    assert member.wrong


def test_a_member_works_when_a_test_shows_it():
    entry = {"default": "False", "access": "rw"}
    assert checked("config", "KeepQueue", entry).wrong
    shown = checked("config", "KeepQueue", entry, proved("KeepQueue", "test"))
    assert (shown.status, shown.tests, shown.wrong) == (Status.WORKS, ("test",), False)


def test_a_planned_member_is_no_fault_until_it_works():
    absent = checked("config", "Fly", {}, planned=["Fly"])
    assert (absent.status, absent.wrong) == (Status.PLANNED, False)
    there = checked("config", "KeepQueue", {}, proved("KeepQueue", "test"), ["KeepQueue"])
    assert there.wrong


SHOWING = "@pytest.mark.proves('mail_port')\ndef test_shown(): ...\n"
IDLE = {
    "skipped": "@pytest.mark.skip\n" + SHOWING,
    "skipped where": "@pytest.mark.skipif(True, reason='')\n" + SHOWING,
    "may fail": "@pytest.mark.xfail\n" + SHOWING,
    "some cases": "@pytest.mark.parametrize('a', [pytest.param(1, marks=pytest.mark.skip)])\n"
    + SHOWING,
    "by a name": "needs = pytest.mark.skipif(True, reason='')\n@needs\n" + SHOWING,
    "from within": SHOWING.replace("...", "pytest.skip()"),
    "the whole file": "pytestmark = pytest.mark.skip\n" + SHOWING,
    "where something is lacking": "pytest.importorskip('x')\n" + SHOWING,
    "the class": "@pytest.mark.skip\nclass TestIt:\n" + indent(SHOWING, " "),
    "no class of tests": "class It:\n" + indent(SHOWING, " "),
    "nested": "def test_outer():\n" + indent(SHOWING, " "),
    "no test": SHOWING.replace("test_", ""),
}


@pytest.mark.parametrize("text", IDLE.values(), ids=IDLE)
def test_a_mark_on_what_may_not_run_proves_nothing(tmp_path, text):
    (tmp_path / "test_it.py").write_text(text)
    assert conformance.proofs_in(tmp_path) == {}
    (idle,) = conformance.idle_in(tmp_path)
    assert "shown" in idle


@pytest.mark.parametrize("text", [SHOWING, "class TestIt:\n" + indent(SHOWING, " ")])
def test_a_mark_on_a_test_proves_its_member(tmp_path, text):
    other = "@pytest.mark.skip\ndef test_other(): ...\n"
    (tmp_path / "test_it.py").write_text(text + other)
    assert list(conformance.proofs_in(tmp_path)) == ["mail_port"]
    assert conformance.idle_in(tmp_path) == ()


def test_the_program_prints_the_table_and_fails_where_something_is_wrong(capsys, tmp_path):
    assert conformance.main([str(SURFACE), "--tests", str(TESTS)]) == 0
    printed = capsys.readouterr().out
    assert "\nsend\tmethod\tPSMTP (Python), " in printed
    assert printed.endswith("all is well\n")
    assert conformance.main([str(SURFACE), "--tests", str(tmp_path)]) == 1
    assert " wrong: " in capsys.readouterr().out
