"""The table of what programs cannot do is about cases that there are, and says each thing once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.interop.corpus import CASES
from tests.interop.readers.registry import READERS
from tests.interop.stated import READING, WRITING, lacks
from tests.interop.writers.registry import ORDERS, WRITERS
from tests.servers.unpacked import PROJECT

TABLES = {"reading": (READING, READERS, CASES), "writing": (WRITING, WRITERS, ORDERS)}


@pytest.mark.parametrize("name", TABLES)
def test_every_line_is_about_programs_and_cases_that_there_are(name):
    table, programs, cases = TABLES[name]
    for limit in table:
        assert set(limit.programs) <= set(programs), limit
        assert any(limit.holds(limit.programs[0], case) for case in cases), limit


@pytest.mark.parametrize("name", TABLES)
def test_no_two_lines_are_about_the_same(name):
    table, programs, cases = TABLES[name]
    for program in programs:
        for case in cases:
            lacks(table, program, case)  # raises where several lines do


def test_the_page_says_what_is_stated():
    tool = PROJECT / "tools" / "programs_table.py"
    done = subprocess.run(
        [sys.executable, tool, "--check"], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
