"""docs/pytest.md and docs/readers.md: their tables say what is there, their examples work."""

from __future__ import annotations

import pytest

import gpgmail
from gpgmail.protect.findings import Rule
from gpgmail.protect.variant import Variant
from gpgmail.testing import Library, SmtpSink
from gpgmail.testing.script import Phase
from gpgmail.testing.situations import SITUATIONS
from tests.pytest_plugin.running import project_of, run_pytest
from tests.support.commands import environment
from tests.support.documents import blocks, dead_links, examples, programs, text_of
from tests.support.keyrings import keyring_copy

DOCUMENTS = ("docs/pytest.md", "docs/readers.md")
PYTEST, READERS = map(text_of, DOCUMENTS)
PYTHON = [block.code for block in blocks("docs/pytest.md") if block.language == "python"]


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
    variants, verify = examples("docs/readers.md").values()
    with keyring_copy("modern") as home, SmtpSink() as sink:
        env = environment(GNUPGHOME=str(home), PATH=programs(tmp_path / "bin"))
        variants = variants.with_({"2525": str(sink.port)}).run(env, tmp_path)
        ran = verify.run(env, tmp_path)
    assert (variants.returncode, variants.stderr) == (0, "")
    assert (ran.returncode, ran.stderr) == (0, "")
    wire = (tmp_path / "wire.eml").read_bytes()
    assert wire == sink.mail.data
    with keyring_copy("recipients-home") as theirs:
        report = gpgmail.verify(wire, keyring=theirs)
    assert report.findings == ()
    assert "ok: 0 errors, 1 warning\n" in ran.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    assert dead_links(document) == []
