"""docs/transport.md says for each setting which test proves it, and against whom."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from gpgmail.core.declare import rows
from gpgmail.transport.options import TransportOptions

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def table():
    path = ROOT / "tools" / "transport_table.py"
    spec = importlib.util.spec_from_file_location("transport_table", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])  # it puts the source tree in front of the wheel
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lines(table):
    return [line.split(" | ") for line in table.transport(ROOT)][2:]


def test_the_committed_page_is_up_to_date(table, capsys):
    assert table.main(["--check"]) == 0, capsys.readouterr().out


def test_every_setting_has_a_proof_and_a_server(lines):
    assert len(lines) == len(list(rows(TransportOptions)))
    assert not [line for line in lines if line[2].strip(" `") == ""]


def test_real_servers_are_among_those(lines):
    against = {line[3].strip(" |") for line in lines}
    assert {"Postfix", "aiosmtpd", "a scripted server"} <= against


def test_a_page_that_is_not_up_to_date_is_said_and_left(table, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    page = tmp_path / table.PAGE
    page.write_text("old")
    assert table.main(["--check"], tmp_path) == 1
    assert page.read_text() == "old"
    assert table.main([], tmp_path) == 0
    assert page.read_text().startswith(table.HEAD)
    assert table.main(["--check"], tmp_path) == 0
    assert table.main(["--chekc"], tmp_path) == 2
    assert "written: docs/transport.md" in capsys.readouterr().out
