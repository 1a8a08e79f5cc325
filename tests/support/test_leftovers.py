"""The check for leftovers can fail: it sees what a run left, and nothing of others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import leftovers
from tests.support.keyrings import empty_home

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mark():
    return leftovers.new_mark()


@pytest.fixture
def runtime(tmp_path):
    path = tmp_path / "runtime"
    path.mkdir()
    return path


def start_agent(home, **environment):
    """Start an agent as gpg does, with a known environment."""
    subprocess.run(
        ["gpg-connect-agent", "--homedir", home, "GETINFO pid", "/bye"],
        env={"PATH": os.environ["PATH"], **environment},
        check=True,
        capture_output=True,
    )


def told(mark, runtime, patience=0.0):
    before = leftovers.socket_directories()
    return leftovers.left_at_last(mark, runtime, before, patience)


def test_an_agent_of_this_run_is_seen_until_it_ends(mark, runtime):
    with empty_home() as home:
        start_agent(home, **{leftovers.MARK: mark})
        (found,) = told(mark, runtime)
        assert "gpg-agent" in found
        assert str(home) in found
    assert told(mark, runtime, 5) == []


def test_so_is_one_without_the_environment_in_a_home_with_our_mark(mark, runtime, monkeypatch):
    monkeypatch.setenv(leftovers.MARK, mark)
    with empty_home() as home:
        start_agent(home)
        assert any("gpg-agent" in line for line in told(mark, runtime))
        assert str(home) in told(mark, runtime)


def test_an_agent_of_another_run_is_not(mark, runtime):
    with empty_home() as home:
        start_agent(home, **{leftovers.MARK: leftovers.new_mark()})
        assert told(mark, runtime) == []


def test_a_zombie_is_dead(mark, runtime):
    child = subprocess.Popen(
        ["gpg", "--version"],
        env={**os.environ, leftovers.MARK: mark},
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 10
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert told(mark, runtime) == []
    child.wait()


def test_what_lies_in_the_runtime_directory_is_seen(mark, runtime):
    (runtime / "gpgmail-abandoned").mkdir()
    assert told(mark, runtime) == [str(runtime / "gpgmail-abandoned")]


def test_what_is_just_ending_gets_its_moment(mark, runtime):
    (runtime / "gpgmail-ending").mkdir()
    subprocess.Popen(["sh", "-c", f"sleep 0.3; rmdir {runtime}/gpgmail-ending"]).wait()
    assert told(mark, runtime, 5) == []


def test_a_directory_of_dead_sockets_is_seen_and_one_that_answers_is_not(
    mark, runtime, tmp_path, monkeypatch
):
    monkeypatch.setattr(leftovers, "_SOCKETS", (str(tmp_path),))
    before = leftovers.socket_directories()
    (tmp_path / "d.dead").mkdir()
    (tmp_path / "d.dead" / "S.gpg-agent").touch()
    assert leftovers.left(mark, runtime, before) == [str(tmp_path / "d.dead")]
    with empty_home() as home:
        start_agent(home)
        agent = next(home.glob("S.gpg-agent"), None)
        if agent is None:
            pytest.skip("the agent has its sockets below /run/user here")
        (tmp_path / "d.dead").rename(tmp_path / "gone")
        (tmp_path / "d.live").symlink_to(home)
        assert leftovers.left(mark, runtime, before) == []


BAD = {
    "home": "Path(os.environ['XDG_RUNTIME_DIR'], 'gpgmail-forgotten').mkdir()",
    "agent": (
        "home = Path(tempfile.mkdtemp(prefix='hl-', dir=tmp)); "
        "subprocess.run(['gpg-connect-agent', '--homedir', home, 'GETINFO pid', '/bye'])"
    ),
    "nothing": "pass",
}


@pytest.mark.parametrize("what", BAD)
def test_a_run_that_leaves_something_fails(what, tmp_path):
    with empty_home() as short:
        (short / "conftest.py").write_text(
            "from tests.support import leftovers\n"
            "from tests.support.leftovers import no_leftovers\n"
            "leftovers.PATIENCE = 0.3\n"
        )
        (short / "test_bad.py").write_text(
            "import os, subprocess, tempfile\nfrom pathlib import Path\n"
            f"tmp = {str(short)!r}\n"
            f"def test_it(no_leftovers):\n    {BAD[what]}\n"
        )
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        ran = subprocess.run(
            [*command, "--rootdir", short, "-c", os.devnull, short],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for home in short.glob("hl-*"):
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    assert ("the run left behind" in ran.stdout) == (what != "nothing"), ran.stdout + ran.stderr
    assert ran.returncode == (what != "nothing"), ran.stdout
