"""The generated half of the Ansible collection: every row is there, and it is current.

That documentation and specification agree is validate-modules' matter (tests/ansible).
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import gpgmail
from gpgmail.core.declare import rows
from gpgmail.delivery.options import AccountOptions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def docs():
    spec = importlib.util.spec_from_file_location("ansible_docs", ROOT / "tools/ansible_docs.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        patch.setitem(sys.modules, "ansible_docs", module)  # where its dataclass is looked for
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def options(docs):
    return [option for group in docs.groups().values() for option in group]


def specified(docs):
    found = {}
    exec(docs.arguments(), found)  # noqa: S102 - our own text
    return found


def test_what_is_committed_is_up_to_date(docs):
    for name, make in docs.FILES.items():
        assert (ROOT / name).read_text("utf8") == make()


def test_every_row_of_an_account_is_an_option_or_says_why_not(docs, options):
    assert {row.name for row in rows(AccountOptions)} == {
        *docs.LEFT_OUT,
        *(option.row for option in options if option.row),
    }


def test_no_secret_is_logged(docs, options):
    found = specified(docs)
    secret = {row.name for row in rows(AccountOptions) if row.secret} | {"passphrase"}
    for name in ("COMMON", "SERVER", "MAIL", "QUERIES"):
        for option, said in found[name].items():
            hidden = found["ROWS"].get(option, option) in secret
            assert said.get("no_log", False) is hidden, option


def test_versions_are_those_of_the_package_and_of_its_tests():
    collection = ROOT / "ansible_collections" / "gpgmail" / "mail"
    assert f"\nversion: {gpgmail.__version__}\n" in (collection / "galaxy.yml").read_text("utf-8")
    oldest = re.search(
        r"oldest: ansible-core==(\d+\.\d+)\.\*", (ROOT / "tox.ini").read_text("utf-8")
    )
    assert f'">={oldest[1]}.0"' in (collection / "meta" / "runtime.yml").read_text("utf-8")


def test_what_the_modules_import_is_there():
    plugins = ROOT / "ansible_collections" / "gpgmail" / "mail" / "plugins"
    nodes = (
        node for path in plugins.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))
    )
    imported = [
        (node.module, alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gpgmail")
        for alias in node.names
    ]
    assert imported
    assert [
        pair for pair in imported if not hasattr(importlib.import_module(pair[0]), pair[1])
    ] == []


def test_words_that_a_row_takes_are_the_choices(options):
    by_row = {option.row: option for option in options}
    assert tuple(by_row["encrypt"].choices) == ("never", "prefer", "require")
    assert tuple(by_row["format"].choices) == ("pgpmime", "inline")
    assert by_row["keyring"].elements == "path"
    assert by_row["passphrase_file"].elements == "str"  # KEY=FILE
