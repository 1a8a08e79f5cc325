"""The plugin costs nothing where it is not used, leaves nothing, and works wherever tests run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pytest_plugin.running import environment, project_of, run_pytest, sample_copy
from tests.support import leftovers
from tests.support.keyrings import empty_home
from tests.support.places import mounts_can_be_made

USES_ALL = """
import gpgmail, pytest

def test_all(gnupg_home, keyring, smtp_sink, mailbox):
    alice = gnupg_home.make_key("Alice <alice@example.org>")
    draft = gpgmail.Draft(from_="alice@example.org", to="alice@example.org", text="x")
    with gpgmail.Mailer(smtp_sink.url, keyring=gnupg_home) as mailer:
        mailer.send(draft, sign=True, encrypt=True)
    assert mailbox.read(gnupg_home).verdict.signer.primary == alice
    assert keyring("protected").key.passphrase

@pytest.mark.parametrize("turn", range(4))
def test_each_has_its_own(turn, keyring, gnupg_home):
    with gnupg_home.keyring() as ring:
        assert ring.keys() == ()
    gnupg_home.make_key("x <x@example.org>")
    own = keyring("own-key")
    own.open().keys()
    (own.path / "pubring.kbx").unlink()
"""


@pytest.fixture
def project(tmp_path):
    return project_of(tmp_path / "project", test_all=USES_ALL)


@pytest.fixture
def runtime():
    """A runtime directory that must be empty in the end, and no program may work below it."""
    with empty_home() as path:
        yield path
        assert list(path.iterdir()) == []


def still_running(runtime):
    """Programs of GnuPG that have that directory and do not end within some seconds."""
    ended_by = time.monotonic() + 10
    while (found := running(runtime)) and time.monotonic() < ended_by:
        time.sleep(0.02)
    return found


def running(runtime):
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(runtime) in words and b"gpg" in words:
            found.append(words)
    return found


def test_it_is_loaded_for_next_to_nothing():
    script = (
        "import pytest, sys, json; before = set(sys.modules); import gpgmail.pytest_plugin;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment(), capture_output=True, check=True
    )
    assert json.loads(ran.stdout) == ["gpgmail", "gpgmail.pytest_plugin"]


def test_who_does_not_use_it_gets_nothing(tmp_path):
    test = """
import os, sys

def test_nothing(request):
    assert "gpgmail.testing" not in sys.modules
    assert "gpgmail.core" not in sys.modules
    assert os.environ.get("GNUPGHOME") == "/nonexistent"
    assert not [name for name in request.fixturenames if "gpg" in name]
"""
    ran = run_pytest(project_of(tmp_path, test_nothing=test), env={"GNUPGHOME": "/nonexistent"})
    assert ran.counts == {"passed": 1}, ran.output


def test_a_fixture_of_the_project_goes_before_ours(tmp_path):
    test = """
import pytest

@pytest.fixture
def keyring():
    return "theirs"

def test_theirs(keyring):
    assert keyring == "theirs"
"""
    ran = run_pytest(project_of(tmp_path, test_theirs=test))
    assert ran.counts == {"passed": 1}, ran.output


def test_fixtures_and_options_are_documented_to_pytest(tmp_path):
    assert "--gpg=PATH" in run_pytest(project_of(tmp_path), "--help").output
    assert "@pytest.mark.smtp_sink(" in run_pytest(project_of(tmp_path), "--markers").output
    fixtures = run_pytest(project_of(tmp_path), "--fixtures").output
    for name in ("gnupg_home", "keyring", "smtp_sink", "mailbox", "gpg_version"):
        assert f"\n{name}" in fixtures
        assert "no docstring available" not in fixtures.partition(f"\n{name}")[2][:200]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_nothing_is_left(project, runtime, workers):
    before = leftovers.socket_directories()
    ran = run_pytest(project, *workers, env={"XDG_RUNTIME_DIR": str(runtime)})

    assert ran.counts == {"passed": 5}, ran.output
    assert list(runtime.iterdir()) == []
    assert still_running(runtime) == []
    dead = [path for path in leftovers.socket_directories() - before if not any(path.iterdir())]
    assert dead == []


def test_nothing_is_left_by_a_test_that_fails(tmp_path, runtime):
    test = "def test_it(gnupg_home):\n    gnupg_home.make_key('x <x@y.z>')\n    assert 0\n"
    project = project_of(tmp_path, test_it=test)
    ran = run_pytest(project, env={"XDG_RUNTIME_DIR": str(runtime)})

    assert ran.counts == {"failed": 1}, ran.output
    assert still_running(runtime) == []


def test_without_a_runtime_directory_or_a_home(project):
    ran = run_pytest(project, env={"XDG_RUNTIME_DIR": "", "HOME": ""})
    assert ran.counts == {"passed": 5}, ran.output


# An ordinary user in everything but that he may read the interpreter and the package, which lie in
# root's home on some machines.
READS = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *READS)


@pytest.mark.skipif(not mounts_can_be_made(), reason="only root can become somebody else")
def test_as_an_ordinary_user(project):
    with empty_home() as place:  # pytest's own directories are closed to others
        copy = shutil.copytree(project, place / "project")
        for path in (place, copy, *copy.rglob("*")):
            path.chmod(0o755)
        env = {"XDG_RUNTIME_DIR": "", "HOME": "/nonexistent"}
        ran = run_pytest(copy, before=NOBODY, env=env)
    assert ran.counts == {"passed": 5}, ran.output


# ------------------------------------------------------------------------------------ gpg_version

VERSIONS = """
import os, shutil
from gpgmail.gpg.binary import find

def test_version(gpg_version, gnupg_home):
    assert find().path == gpg_version.path == os.environ["GPGMAIL_GPG"]
    assert os.path.dirname(shutil.which("gpg")) == os.path.dirname(gpg_version.path)
    gnupg_home.make_key("x <x@example.org>")

def test_without(gnupg_home):
    assert "GPGMAIL_GPG" not in os.environ
"""


def another_gpg(directory):
    """A program of another name that is gpg: what a machine has that has built its own."""
    directory.mkdir()
    program = directory / "gpg"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("gpg")} "$@"\n')
    program.chmod(0o755)
    return program


def test_each_gpg_that_is_named_or_found(tmp_path):
    project = project_of(tmp_path / "p", test_versions=VERSIONS)
    one, other = another_gpg(tmp_path / "one"), another_gpg(tmp_path / "other")

    ran = run_pytest(project, "-vv", "--gpg", str(one), "--gpg", str(other))

    assert ran.counts == {"passed": 4}, ran.output
    assert ran.output.count("test_version[gpg-2.") == 3
    assert run_pytest(project).counts == {"passed": 2}


def test_the_gpg_of_the_environment(tmp_path):
    test = VERSIONS.partition("def test_without")[0]
    project = project_of(tmp_path / "p", test_versions=test)
    env = {"GPGMAIL_GPG": str(another_gpg(tmp_path / "one"))}
    assert run_pytest(project, env=env).counts == {"passed": 2}


@pytest.mark.parametrize("path", ["/nonexistent/gpg", "/bin/true"])
def test_what_is_named_and_is_no_gpg(path, tmp_path):
    ran = run_pytest(project_of(tmp_path, test_versions=VERSIONS), "--gpg", path)
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert path in ran.output
    assert "Traceback" not in ran.output


def test_no_gpg_is_a_skip_that_says_so(tmp_path):
    tests = "def test_it(gpg_version):\n    pass\n"
    (tmp_path / "empty").mkdir()
    env = {"PATH": str(tmp_path / "empty")}
    ran = run_pytest(project_of(tmp_path / "p", test_it=tests), "-rs", env=env)
    assert ran.counts == {"skipped": 1}, ran.output
    assert "no gpg 2.1 or newer" in ran.output


# ------------------------------------------------------------------------------ the sample project


def test_the_sample_project_passes(tmp_path, runtime):
    ran = run_pytest(sample_copy(tmp_path), env={"XDG_RUNTIME_DIR": str(runtime)}, timeout=200)

    assert ran.code == 0, ran.output
    assert ran.counts["passed"] >= 30
    assert set(ran.counts) == {"passed"}
    assert still_running(runtime) == []


def test_the_sample_project_needs_nothing_of_ours():
    sources = [
        path.read_text("utf-8")
        for path in (Path(__file__).parent / "sample").rglob("*.py")
        if "__pycache__" not in path.parts
    ]
    assert len(sources) == 3
    assert not any("from tests" in text or "conftest" in text for text in sources)


def test_its_tests_can_fail(tmp_path):
    """A program that encrypts to nobody does not pass."""
    project = sample_copy(tmp_path)
    program = project / "backup_report.py"
    program.write_text(program.read_text().replace("encrypt=True", "encrypt=False"))
    ran = run_pytest(project, "-k", "arrives or cannot_be_used")
    assert ran.counts == {"failed": 7}, ran.output
