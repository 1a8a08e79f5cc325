"""The generator: what is committed is what the rows say, and it runs whatever was there before."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpgmail.components import PSMTP, SMTP
from gpgmail.core.declare import Declared, prop, rows

ROOT = Path(__file__).resolve().parents[2]
ACCESSORS = "gpgmail/components/_accessors.py"


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "tools" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])  # it puts the source tree in front of the wheel
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path):
    """A copy of the project's sources, in which files can be spoiled."""
    for name in ("gpgmail", "tools", "docs", "tests/data"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def run(tree, *arguments):
    command = [sys.executable, "-P", str(tree / "tools" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, check=False, text=True, cwd=tree)


def test_what_is_committed_is_up_to_date(generate, capsys):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_a_second_run_changes_nothing(generate, tmp_path):
    assert generate.main([], tmp_path) == 0
    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert {path.relative_to(tmp_path).as_posix() for path in first} == set(generate.FILES)
    assert generate.main([], tmp_path) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == first
    assert generate.main(["--check"], tmp_path) == 0


@pytest.mark.parametrize("name", ["gpgmail/components/_accessors.py", "docs/errors.md"])
def test_check_fails_on_drift_shows_it_and_writes_nothing(generate, tmp_path, capsys, name):
    generate.main([], tmp_path)
    path = tmp_path / name
    spoiled = path.read_text("utf8") + "# by hand\n"
    path.write_text(spoiled, "utf8")
    assert generate.main(["--check"], tmp_path) == 1
    shown = capsys.readouterr().out
    assert "-# by hand" in shown
    assert "make gen" in shown
    assert path.read_text("utf8") == spoiled
    path.unlink()
    assert generate.main(["--check"], tmp_path) == 1
    assert not path.exists()


def test_a_wrong_argument_is_said(generate, tmp_path, capsys):
    assert generate.main(["--chekc"], tmp_path) == 2
    assert "--check" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spoil", ["stale", "broken", "missing"])
def test_it_runs_whatever_the_generated_module_was(tree, spoil):
    path = tree / ACCESSORS
    good = path.read_text("utf8")
    if spoil == "missing":
        path.unlink()
    else:
        path.write_text("class PsmtpAccessors: ...\n" if spoil == "stale" else "not python (")
    assert run(tree, "--check").returncode == 1
    assert run(tree).returncode == 0
    assert path.read_text("utf8") == good
    assert run(tree, "--check").returncode == 0


def test_a_new_row_appears_everywhere(tree):
    options = tree / "gpgmail" / "message" / "options.py"
    text = options.read_text("utf8")
    row = '    is_new_: bool = prop(default=False, doc="A | new row.")\n\n\n# RFC 4021'
    assert "\n\n# RFC 4021" in text
    options.write_text(text.replace("\n\n# RFC 4021", f"{row}", 1), "utf8")
    assert run(tree, "--check").returncode == 1
    assert run(tree).returncode == 0
    generated = (tree / ACCESSORS).read_text("utf8")
    assert "    def get_is_new(self) -> bool:\n        return self.is_new_\n" in generated
    assert (
        "    def set_is_new(self, value: bool) -> None:\n        self.is_new_ = value\n"
        in generated
    )
    reference = (tree / "docs" / "reference.md").read_text("utf8")
    assert r"| `is_new_` | | `False` | A \| new row. |" in reference.replace("|  |", "| |")
    code = "from gpgmail.components import SMTP; m = SMTP(is_new_=True); print(m.get_is_new())"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tree)!r}); {code}"],
        capture_output=True,
        check=True,
        text=True,
        cwd=tree,
    )
    assert ran.stdout == "True\n"


def test_long_signatures_are_broken_as_the_formatter_does(generate):
    class Options(Declared):
        short: int = prop(default=0, doc="")

    assert list(generate._property(Options, "short")) == [
        "",
        "    def get_short(self) -> int:",
        "        return self.short",
        "",
        "    def set_short(self, value: int) -> None:",
        "        self.short = value",
    ]
    arguments = ("index: int", "value: " + "x" * 60)
    assert list(generate._signature("set_it", arguments, "None")) == [
        "    def set_it(",
        f"        self, index: int, value: {'x' * 60}",
        "    ) -> None:",
    ]
    module = generate.accessors()
    assert max(map(len, module.splitlines())) <= generate.WIDTH


def test_the_generated_module_is_real_code_for_real_members(generate):
    modules = (generate.handlers(), generate.accessors())
    bodies = (node for module in modules for node in ast.parse(module).body)
    classes = [node for node in bodies if hasattr(node, "bases")]
    assert [node.name for node in classes] == ["Handlers", "SmtpAccessors", "PsmtpAccessors"]
    names = {node.name for one in classes for node in one.body if hasattr(node, "name")}
    assert names <= set(dir(PSMTP))
    wanted = {f"get_{row.name.removesuffix('_')}" for row in rows(PSMTP) if row.prop}
    assert wanted <= names
    assert not hasattr(SMTP, "get_key_count")


def test_every_documented_name_of_a_property_is_a_row_or_a_member(generate):
    text = generate.reference()
    for row in rows(PSMTP):
        assert f"| `{row.name}` |" in text
        assert not row.key or f"`{row.key}`" in text
        assert row.doc


def test_the_reference_has_every_public_name_of_the_components(generate):
    page = generate.reference()
    for component in (SMTP, PSMTP):
        for name in dir(component):
            what = name[4:] if name.startswith(("get_", "set_")) else ""
            accessor = what and (hasattr(component, what) or hasattr(component, f"{what}_"))
            if not (name.startswith("_") or accessor or what.startswith(ITEMS)):
                assert f"`{name}`" in page or f"`{name}(" in page, name


ITEMS = ("attachment_", "key_", "recipient_key_", "message_recipient_")


def test_the_reference_has_second_names_and_what_can_only_be_read(generate):
    page = generate.reference()
    assert any(row.also for row in rows(PSMTP))
    for row in rows(PSMTP):
        for key in filter(None, (row.key, row.also)):
            assert f"`{key}`" in page
    for base in PSMTP.__mro__:
        for key in vars(base).get("_read_only_settings", {}):
            assert f"| `{key}` |" in page
