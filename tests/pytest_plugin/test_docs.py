"""docs/pytest.md and docs/readers.md: their tables say what is there, their examples work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gpgmail
from gpgmail.protect.findings import Rule
from gpgmail.protect.variant import Variant
from gpgmail.testing import Library, SmtpSink
from gpgmail.testing.script import Phase
from gpgmail.testing.situations import SITUATIONS
from tests.pytest_plugin.running import project_of, run_pytest
from tests.support.commands import environment
from tests.support.keyrings import keyring_copy

DOCS = Path(__file__).resolve().parents[2] / "docs"
PYTEST, READERS = ((DOCS / name).read_text("utf-8") for name in ("pytest.md", "readers.md"))
PYTHON = re.findall(r"```python\n(.*?)```", PYTEST, re.DOTALL)
SHELL = re.findall(r"<!-- example: (\w+) -->\n```sh\n(.*?)```", READERS, re.DOTALL)


def test_the_examples_of_the_plugin_pass(tmp_path):
    files = {f"test_{number}": code for number, code in enumerate(PYTHON)}
    ran = run_pytest(project_of(tmp_path / "p", **files))
    assert len(files) == 3
    assert set(ran.counts) == {"passed"}, ran.output
    assert ran.counts["passed"] >= 11


def test_every_situation_stands_in_the_table():
    library = Library()
    for row in SITUATIONS:
        keys = ", ".join(f"`{name}`" for name in library.copy(row.name).keys) or "none"
        assert f"| `{row.name}` | {row.purpose} | {keys} |\n" in PYTEST


def test_every_moment_is_named():
    assert all(f"`{phase.name}`" in PYTEST for phase in Phase)


def test_every_rule_stands_in_the_table():
    for rule in Rule:
        line = f"| `{rule.word}` | {rule.severity} | {rule.text} | {rule.section} |\n"
        assert line in READERS


def test_every_row_of_variants_stands_in_the_table():
    from gpgmail.core.declare import rows

    for row in rows(Variant):
        assert f"| `--{row.name.replace('_', '-')} " in READERS
        assert f"| `{row.name}` |" in READERS


def test_the_commands_do_what_they_show(tmp_path):
    command = tmp_path / "gpgmail"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gpgmail.cli "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    code = "".join(code for _, code in SHELL)
    assert [name for name, _ in SHELL] == ["variants", "verify"]
    with keyring_copy("modern") as home, SmtpSink() as sink:
        ran = subprocess.run(
            ["sh", "-e", "-c", code.replace("2525", str(sink.port))],
            env=environment(GNUPGHOME=str(home), PATH=path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (0, "")
    wire = (tmp_path / "wire.eml").read_bytes()
    assert wire == sink.mail.data
    with keyring_copy("recipients-home") as theirs:
        report = gpgmail.verify(wire, keyring=theirs)
    assert report.findings == ()
    assert "ok: 0 errors, 1 warning\n" in ran.stdout


@pytest.mark.parametrize("text", [PYTEST, READERS])
def test_links_lead_somewhere(text):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (DOCS / target).exists(), target
