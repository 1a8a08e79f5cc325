"""docs/quickstart-testing.md: the tests that it shows pass, in a project of their own."""

from __future__ import annotations

from tests.pytest_plugin.running import project_of, run_pytest
from tests.support.documents import dead_links, examples

DOCUMENT = "docs/quickstart-testing.md"
SHOWN = examples(DOCUMENT)


def test_the_tests_that_are_shown_pass(tmp_path):
    assert list(SHOWN) == ["install", "test", "run"]  # the first is by tests/e2e/test_wheel.py
    program, *arguments = SHOWN["run"].code.split()
    ran = run_pytest(project_of(tmp_path / "p", test_mail=SHOWN["test"].code), *arguments)

    assert program == "pytest"
    assert ran.counts == {"passed": 5}, ran.output


def test_links_lead_somewhere():
    assert dead_links(DOCUMENT) == []
