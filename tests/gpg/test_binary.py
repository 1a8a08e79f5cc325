"""Which gpg is used, and what is said where it is missing, too old or something else."""

from __future__ import annotations

import os
import subprocess

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import EngineError
from gpgmail.core.run import Run
from gpgmail.gpg.binary import find, require_secret, tool
from gpgmail.gpg.home import Home
from gpgmail.gpg.runner import execute


def fake(directory, version, name="gpg"):
    path = directory / name
    path.write_text(f"#!/bin/sh\necho 'gpg (GnuPG) {version}'\n")
    path.chmod(0o755)
    return path


def test_the_version_is_gpgs_own():
    first = subprocess.run(["gpg", "--version"], capture_output=True, text=True, check=True)
    assert first.stdout.splitlines()[0].endswith(find().shown_version)
    assert find().version >= (2, 1, 0)


def test_a_missing_gpg_names_it_and_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        execute(Home(directory=tmp_path), ["--list-keys"], run=Run())
    assert caught.value.code is ErrorCode.GPG_MISSING
    assert caught.value.subject == "gpg"
    assert str(tmp_path) in str(caught.value)
    assert "install gnupg" in str(caught.value)


@pytest.mark.parametrize("by", ["path", "name"])
def test_the_environment_names_another_gpg_and_its_tools_come_along(monkeypatch, tmp_path, by):
    other = fake(tmp_path, "2.4.7", "gpg-other")
    fake(tmp_path, "2.4.7", "gpgconf")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{tmp_path}")
    usual = find()
    monkeypatch.setenv("GPGMAIL_GPG", str(other) if by == "path" else other.name)
    assert find().path == str(other)
    assert find().version == (2, 4, 7)
    assert tool("gpgconf") == str(tmp_path / "gpgconf")
    monkeypatch.setenv("GPGMAIL_GPG", "")
    assert find() == usual


def test_a_gpg_that_the_environment_names_and_is_not_there_is_no_reason_to_take_another(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("GPGMAIL_GPG", str(tmp_path / "gpg"))
    with pytest.raises(EngineError) as caught:
        find()
    assert caught.value.code is ErrorCode.GPG_MISSING
    assert caught.value.subject == str(tmp_path / "gpg")
    assert "GPGMAIL_GPG" in str(caught.value)


@pytest.mark.parametrize("version", ["1.4.23", "2.0.31"])
def test_an_old_gpg_is_named_with_its_version(monkeypatch, tmp_path, version):
    path = fake(tmp_path, version)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EngineError) as caught:
        execute(Home(directory=tmp_path), ["--sign"], run=Run())
    assert caught.value.code is ErrorCode.GPG_TOO_OLD
    for word in (str(path), version, "2.1"):
        assert word in str(caught.value)


@pytest.mark.parametrize("version", ["2.1.0", "2.4.7", "2.5.1-beta3", "2.3"])
def test_newer_ones_are_taken(monkeypatch, tmp_path, version):
    fake(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert require_secret(find()).version >= (2, 1, 0)


def test_an_upgrade_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    os.utime(fake(tmp_path, "2.2.40"), ns=(1, 1))
    assert find().version == (2, 2, 40)
    os.utime(fake(tmp_path, "2.4.7"), ns=(2, 2))
    assert find().version == (2, 4, 7)


def test_something_else_called_gpg_is_refused(monkeypatch, tmp_path):
    (tmp_path / "gpg").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        find()
    assert caught.value.code is ErrorCode.GPG_MISSING


def test_a_file_that_does_not_run_is_reported(monkeypatch, tmp_path):
    (tmp_path / "gpg").write_bytes(b"\x7fELF and no more")
    (tmp_path / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        find()
    assert "does not run" in str(caught.value)


def test_a_path_is_taken_as_it_is(tmp_path):
    assert find(str(fake(tmp_path, "2.4.1", "other-gpg"))).version == (2, 4, 1)
    with pytest.raises(EngineError):
        find(str(tmp_path / "none"))


def test_tools_are_found():
    assert tool("gpgconf").endswith("/gpgconf")
    with pytest.raises(EngineError) as caught:
        tool("gpg-nonesuch")
    assert caught.value.subject == "gpg-nonesuch"
