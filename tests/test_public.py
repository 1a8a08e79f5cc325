"""The public names: sorted, true, documented, and the same to a type checker and at run time."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import gpgmail
from tests.support.commands import environment

PACKAGES = ["gpgmail", "gpgmail.components", "gpgmail.testing"]
MEMBERS_OF_ENUMS = {"name", "value"}
# From rows, which docs/reference.md documents.
GENERATED = {"gpgmail.components._accessors", "gpgmail.components._handlers"}


def isort_order(name):
    """Constants before classes before functions, as ruff sorts `__all__`."""
    return (not name.isupper(), not name[:1].isupper(), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_without_duplicates(package):
    names = import_module(package).__all__

    assert names == sorted(set(names), key=isort_order)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_names_what_is_there(package):
    module = import_module(package)

    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))


def test_a_fresh_import_lists_and_resolves_every_name():
    script = (
        "import gpgmail\n"
        "assert set(gpgmail.__all__) <= set(dir(gpgmail))\n"
        "assert not set(gpgmail.__all__) & set(vars(gpgmail))\n"
        "from gpgmail import *\n"
        "assert all(name in globals() for name in gpgmail.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", script], env=environment(), check=True, timeout=60)


def test_what_is_not_public_is_said_like_any_missing_name():
    with pytest.raises(AttributeError, match="module 'gpgmail' has no attribute 'Sender'"):
        _ = gpgmail.Sender
    assert not hasattr(gpgmail, "__path_to_nowhere__")


def test_a_type_checker_sees_what_run_time_gives():
    tree = ast.parse(Path(gpgmail.__file__).read_text("utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {alias.name: node.module for node in block.body for alias in node.names}

    assert seen == gpgmail._MODULE_OF
    assert set(seen) == set(gpgmail.__all__)


def test_a_name_is_the_object_of_its_module():
    for name, module in gpgmail._MODULE_OF.items():
        found = getattr(gpgmail, name)
        assert found is getattr(import_module(module), name)
        assert found.__module__ == module


def test_there_is_one_version():
    assert gpgmail.__version__.count(".") == 2


def public_members(kind):
    for name, member in inspect.getmembers(kind):
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or name in MEMBERS_OF_ENUMS or not inspect.isroutine(function):
            continue
        module = getattr(function, "__module__", None) or ""
        if module.startswith("gpgmail") and module not in GENERATED:
            yield name, member


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_thing_is_documented(package):
    module = import_module(package)
    bare = []
    for name in module.__all__:
        found = getattr(module, name)
        if not inspect.getdoc(found):
            bare.append(name)
        if inspect.isclass(found) and found.__module__.startswith("gpgmail"):
            bare += [
                f"{name}.{member}" for member, it in public_members(found) if not inspect.getdoc(it)
            ]

    assert bare == []


def test_every_module_says_its_rules():
    root = Path(gpgmail.__file__).parent
    for path in root.rglob("*.py"):
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
        assert docstring, path
        assert docstring.splitlines()[0].rstrip().endswith((".", ":")), path
