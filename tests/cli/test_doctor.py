"""`gpgmail doctor` on this machine: each check finds its fault, and is silent without it.

Where the fix is a command that can be run here it is run, and the finding is gone.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gpgmail.core.codes import Exit
from gpgmail.delivery.doctor.checks import CHECKS
from gpgmail.testing import ThrowawayHome
from tests.cli.doctoring import findings, mend, mended, only, pretend
from tests.support.agents import stopped
from tests.support.commands import bare, call, environment, run
from tests.support.keyrings import fixture_key, keyring_copy
from tests.support.places import NO_RUN_USER, needs_mounts

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
LOCKED = fixture_key("protected", "locked")


@pytest.fixture
def home():
    with keyring_copy("modern") as path:
        yield path


@pytest.fixture
def locked():
    with keyring_copy("protected") as path:
        yield path


def one(found):
    (single,) = found
    return single


# ---- the whole ----


def test_a_home_in_order_has_nothing_but_fine_findings(home):
    outcome = call("doctor", "--keyring", home, "--from", "sender@example.org", "--sign")
    assert outcome.code == 0, outcome.text
    assert "signs without asking anybody" in outcome.text
    assert outcome.text.splitlines()[-1].endswith(", 0 errors")
    for check in CHECKS:
        assert re.search(rf"^ok +{re.escape(check.name)} ", outcome.text, re.MULTILINE) or (
            check.name in {"path", "loopback", "keyboxd", "keys"}  # which then say nothing
        )


def test_nothing_is_changed_and_nothing_left(locked, no_leftovers, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(LOCKED.passphrase)
    secret.chmod(0o600)
    arguments = ("--keyring", locked, "--signer", LOCKED.address, "--passphrase-file", secret)
    before = contents(locked)
    outcome = run("doctor", *arguments)
    assert "signs without asking anybody" in outcome.text
    assert contents(locked) == before
    assert not list(locked.glob("S.gpg-agent*"))
    assert LOCKED.passphrase not in outcome.text + outcome.errors


def contents(home):
    """Every file but the trust database, which gpg brings up to date."""
    files = (path for path in home.rglob("*") if path.is_file() and path.name != "trustdb.gpg")
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_an_agent_that_ran_before_runs_on(home):
    subprocess.run(["gpgconf", "--homedir", home, "--launch", "gpg-agent"], check=True)
    call("doctor", "--keyring", home, "--from", "sender@example.org", "--sign")
    assert list(home.glob("S.gpg-agent"))
    (found,) = findings("--only", "agent", "--keyring", home)
    assert "answers, version" in found["what"]


def test_it_works_as_cron_and_systemd_start_it(home):
    outcome = run("doctor", "--no-network", env=bare(GNUPGHOME=str(home)))
    assert (outcome.code, outcome.errors) == (0, ""), outcome.text
    outcome = run("doctor", "--no-network", "--json", env=bare(PATH=os.environ["PATH"]))
    assert json.loads(outcome.text)["findings"]


def test_warnings_count_only_where_they_are_wanted(home):
    home.chmod(0o755)
    arguments = ("doctor", "--only", "permissions", "--keyring", home)
    assert call(*arguments).code == 0
    assert call(*arguments, "--strict").code == 1
    assert call(*arguments, "--quiet").text.startswith("warning permissions ")


def test_a_check_that_does_not_end_is_an_error_within_its_limit(locked):
    began = time.monotonic()
    found = one(
        only(
            *("signing", "--keyring", locked, "--signer", LOCKED.address, "--seconds", "1"),
            *("--passphrase-command", f"{sys.executable} -c 'import time; time.sleep(60)'"),
        )
    )
    assert time.monotonic() - began < 15
    assert found["level"] == "error"


def test_every_check_is_tested_here():
    """A check without a test of its fault is not one."""
    there = Path(__file__).read_text("utf-8") + (
        Path(__file__).with_name("test_doctor_server.py").read_text("utf-8")
    )
    for check in CHECKS:
        assert re.search(rf'only\(\s*\*?\(?"{re.escape(check.name)}"', there), check.name


def test_the_page_lists_the_checks():
    page = Path(__file__).parents[2].joinpath("docs", "operations.md").read_text("utf-8")
    table = page.partition("| check |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([a-z.]+)` \|", table, re.MULTILINE) == [one.name for one in CHECKS]


# ---- programs ----


def test_gpg_is_missing(tmp_path):
    found = one(only("gpg", env=environment(PATH=str(tmp_path))))
    assert found["level"] == "error"
    assert "install" in found["fix"]
    assert run("doctor", env=environment(PATH=str(tmp_path))).code == Exit.UNAVAILABLE


def test_gpg_is_too_old(tmp_path):
    old = pretend(tmp_path / "bin", "gpg", "gpg (GnuPG) 1.4.23")
    env = environment(GPGMAIL_GPG=str(old))
    found = one(only("gpg", env=env))
    assert "1.4.23" in found["what"]
    assert mended("gpg", found["fix"], env=env) == []
    env = environment(PATH=f"{old.parent}:{os.environ['PATH']}")
    found = one(only("gpg", env=env))
    assert found["fix"].startswith("export GPGMAIL_GPG=/")
    assert mended("gpg", found["fix"], env=env) == []


def test_several_gpgs_of_different_versions(tmp_path):
    old = pretend(tmp_path / "bin", "gpg", "gpg (GnuPG) 2.1.0")
    env = environment(PATH=f"{old.parent}:{os.environ['PATH']}")
    found = one(only("path", env=env))
    assert f"{old} (2.1.0)" in found["what"]
    assert mended("path", found["fix"], env=env) == []
    alone = str(Path(shutil.which("gpg")).parent)
    assert only("path", env=environment(PATH=alone)) == []


def test_a_path_that_cannot_be_looked_into():
    alone = Path(shutil.which("gpg")).parent
    assert only("path", env=environment(PATH=f"/{'x' * 300}:{alone}")) == []


def test_a_tool_is_missing_or_of_another_version(tmp_path):
    gpg = pretend(tmp_path / "bin", "gpg", "gpg (GnuPG) 2.1.0")
    assert [one["level"] for one in only("tools", env=environment(PATH=str(gpg.parent)))] == [
        "error",
        "error",
    ]
    found = only("tools", env=environment(GPGMAIL_GPG=str(gpg)))
    assert {one["level"] for one in found} == {"warning"}
    assert "and gpg is 2.1.0" in found[0]["what"]
    assert only("tools") == []


def test_the_engine_cannot_be_had(tmp_path):
    (tmp_path / "gpgme.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    found = one(only("engine", env=environment(PYTHONPATH=path, GPGMAIL_ENGINE="gpgme")))
    assert found["fix"] == "pip install 'gpgmail[gpgme]'"
    assert only("engine", env=environment(PYTHONPATH=path)) == []


def test_packages_are_missing_or_old(tmp_path):
    stated = tmp_path / "gpgmail-0.dist-info" / "METADATA"
    stated.parent.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: gpgmail", "Version: 0"]
    needed = ["click>=1.0", "rich>=99.1", "no-such-package>=2", 'no-extra>=1; extra == "auth"']
    stated.write_text("\n".join([*lines, *(f"Requires-Dist: {one}" for one in needed), ""]))
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    old, missing = only("python", env=environment(PYTHONPATH=path))
    assert (old["level"], old["fix"]) == ("warning", "pip install 'rich>=99.1'")
    assert (missing["level"], missing["fix"]) == ("error", "pip install 'no-such-package>=2'")
    assert only("python") == []


# ---- the account ----


def test_a_configuration_file_that_shows_a_secret(tmp_path):
    config = tmp_path / "config.toml"
    config.write_text('[account.work]\npassword = "sesame seeds"\n')
    config.chmod(0o644)
    found = one(only("account", "--config", config))
    assert found["level"] == "error"
    mend(found["fix"])
    assert only("account", "--config", config) == []
    assert call("doctor", "--only", "account", "--config", tmp_path / "absent").code == Exit.CONFIG


def test_a_file_with_a_secret_that_others_can_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("sesame seeds")
    secret.chmod(0o644)
    config = tmp_path / "config.toml"
    config.write_text('[account.work]\npassword_file = "secret"\n')
    found = one(only("account", "--config", config))
    assert "sesame" not in json.dumps(found)
    mend(found["fix"])
    assert only("account", "--config", config) == []


# ---- homes ----


def test_a_keyring_that_is_not_there(tmp_path, home):
    found = one(only("keyring", "--keyring", tmp_path / "absent", "--keyring", home))
    assert found["level"] == "error"
    assert str(tmp_path / "absent") in found["what"]


def test_a_home_without_keys():
    with ThrowawayHome() as empty:
        for path in empty.path.iterdir():
            path.rmdir() if path.is_dir() else path.unlink()
        env = environment(GNUPGHOME=str(empty.path))
        found = one(only("keyring", "--from", "me@example.org", env=env))
        assert found["level"] == "warning"
        mend(found["fix"], env)
        assert only("keyring", env=env) == []


@pytest.mark.parametrize(
    ("opened", "level"), [(".", "warning"), ("private-keys-v1.d", "error"), ("*/*.key", "error")]
)
def test_a_home_that_is_open_to_others(home, opened, level):
    for path in home.glob(opened) if opened != "." else [home]:
        path.chmod(path.stat().st_mode | 0o044)
    found = one(only("permissions", "--keyring", home))
    assert found["level"] == level
    mend(found["fix"])
    assert only("permissions", "--keyring", home) == []


@as_root
def test_files_that_another_user_left_in_a_home(home):
    os.chown(home / "pubring.kbx", 65534, 65534)
    found = one(only("permissions", "--keyring", home))
    assert "pubring.kbx" in found["what"]
    mend(found["fix"])
    assert only("permissions", "--keyring", home) == []


def test_a_lock_from_another_host(home):
    lock = home / "pubring.kbx.lock"
    lock.write_text(f"{1:10}\nanotherhost\n")
    listing = ["gpg", "--homedir", home, "--batch", "--quick-add-uid", "sender", "Another"]
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(listing, check=False, timeout=1, capture_output=True)
    found = one(only("locks", "--keyring", home))
    assert found["level"] == "error"
    assert "anotherhost" in found["what"]
    mend(found["fix"])
    assert only("locks", "--keyring", home) == []
    subprocess.run(listing, check=True, timeout=20, capture_output=True)


def test_a_lock_that_is_held(home):
    lock = home / "pubring.kbx.lock"
    lock.write_text(f"{os.getpid():10}\n{os.uname().nodename}\n")
    found = one(only("locks", "--keyring", home))
    assert (found["level"], found["fix"]) == ("warning", f"ps -p {os.getpid()}")
    assert f"process {os.getpid()} (" in found["what"]


def in_namespace(mounts, *arguments, env):
    """Run the doctor where something is mounted that the machine has not."""
    words = shlex.join([sys.executable, "-m", "gpgmail.cli", "doctor", "--json", *arguments])
    command = ["unshare", "--mount", "sh", "-c", f"{mounts}; {words}"]
    done = subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
    return [one for one in json.loads(done.stdout)["findings"] if one["level"] != "ok"]


@needs_mounts
def test_no_space_where_keys_are_prepared(home):
    place = "/dev/shm"  # noqa: S108 - where keys are prepared
    small = f"mount -t tmpfs -o size=4m none {place}"
    env = environment(XDG_RUNTIME_DIR=None)
    found = one(in_namespace(small, "--only", "space", "--keyring", "/etc/hostname", env=env))
    assert found["level"] == "error"
    assert place in found["what"]
    assert only("space", "--keyring", home) == []


@needs_mounts
def test_a_path_that_is_too_long_for_sockets(home, tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    subprocess.run(["cp", "-a", f"{home}/.", long], check=True)
    long.chmod(0o700)
    with ThrowawayHome() as short:
        env = environment(GNUPGHOME=str(long), HOME=str(short.path))
        found = one(in_namespace(NO_RUN_USER, "--only", "sockets", env=env))
        assert found["level"] == "warning"
        mend(found["fix"], env)
        env["GNUPGHOME"] = re.search(r"GNUPGHOME=(\S+)", found["fix"])[1]
        assert in_namespace(NO_RUN_USER, "--only", "sockets", env=env) == []
    assert only("sockets", "--keyring", home) == []


# ---- what runs ----


def test_an_agent_that_was_stopped(home):
    with stopped(home) as pid:
        found = one(only("agent", "--keyring", home))
        assert found["fix"] == f"kill -CONT {pid}"
        assert (found["level"], "is stopped" in found["what"]) == ("error", True)
        mend(found["fix"])
        assert only("agent", "--keyring", home) == []


def test_an_agent_of_another_version(home):
    """One that speaks Assuan and says that it is older, until it is told to end."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(home / "S.gpg-agent"))
    listener.listen()
    answers = {"GETINFO version": b"D 2.1.1\nOK\n", "KILLAGENT": b"OK closing connection\n"}

    def serve():
        while True:
            peer, _ = listener.accept()
            with peer, peer.makefile("r") as lines:
                peer.sendall(b"OK Pleased to meet you\n")
                for line in lines:
                    peer.sendall(answers.get(line.strip(), b"OK\n"))
                    if line.startswith("KILLAGENT"):
                        (home / "S.gpg-agent").unlink()
                        listener.close()
                        return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    found = one(only("agent", "--keyring", home))
    assert "2.1.1" in found["what"]
    mend(found["fix"])
    server.join(10)
    assert only("agent", "--keyring", home) == []


def test_an_agent_that_takes_no_passphrases(locked):
    (locked / "gpg-agent.conf").write_text("# first\nno-allow-loopback-pinentry\n")
    found = one(only("loopback", "--keyring", locked))
    assert "gpg-agent.conf, line 2" in found["what"]
    mend(found["fix"])
    assert only("loopback", "--keyring", locked) == []
    assert (locked / "gpg-agent.conf").read_text() == "# first\n"


def test_a_pinentry_that_is_not_there(home, tmp_path):
    (home / "gpg-agent.conf").write_text("pinentry-program /nonexistent/pinentry\n")
    found = one(only("pinentry", "--keyring", home))
    assert "/nonexistent/pinentry is not there" in found["what"]
    (home / "gpg-agent.conf").write_text(f"pinentry-program {sys.executable}\n")
    assert only("pinentry", "--keyring", home) == []
    (home / "gpg-agent.conf").write_text("pinentry-program /nonexistent/pinentry\n")
    mend(found["fix"])
    assert (home / "gpg-agent.conf").read_text() == ""


def test_keyboxd_has_the_keys_of_a_gpg_that_does_not_know_it(home, tmp_path):
    (home / "common.conf").write_text("use-keyboxd\n")
    old = pretend(tmp_path / "bin", "gpg", "gpg (GnuPG) 2.2.40")
    new = pretend(tmp_path / "new", "gpg", "gpg (GnuPG) 2.4.7")
    found = one(only("keyboxd", "--keyring", home, env=environment(GPGMAIL_GPG=str(old))))
    assert found["level"] == "error"
    env = environment(GPGMAIL_GPG=str(new))
    assert only("keyboxd", "--keyring", home, env=env) == []
    found = one(only("keyboxd", "--keyring", home, "--keyring", home, env=env))
    assert found["level"] == "warning"


# ---- gpg.conf ----


@pytest.mark.parametrize("line", ["recipient bob@example.org", "no-such-option", "rfc2440"])
def test_a_line_of_gpg_conf_that_nothing_can_be_sent_with(home, line):
    (home / "gpg.conf").write_text(f"# mine\n{line}\n")
    found = one(only("gpg.conf", "--keyring", home))
    assert found["level"] == "error"
    assert "gpg.conf, line 2" in found["what"]
    mend(found["fix"])
    assert only("gpg.conf", "--keyring", home) == []
    assert (home / "gpg.conf").read_text() == f"# mine\n# {line}\n"


def test_what_gpg_conf_adds_is_said(home):
    (home / "gpg.conf").write_text("encrypt-to alice@example.org\ntrust-model always\n")
    fine, warned = findings("--only", "gpg.conf", "--keyring", home)
    assert fine["what"].endswith("encrypts to alice@example.org")
    assert warned["level"] == "warning"


# ---- keys ----


def test_a_key_from_the_future(home):
    with ThrowawayHome() as later:
        later.make_key("Later <later@example.org>", at="20990101T000000")
        found = one(only("clock", "--keyring", later.path))
    assert found["level"] == "error"
    assert "2099-01-01" in found["what"]
    assert "timedatectl set-ntp true" in found["fix"]
    assert only("clock", "--keyring", home) == []


def signing(home, *more, env=None):
    return only("signing", "--keyring", home, "--signer", LOCKED.address, *more, env=env)


def secret_file(tmp_path, text):
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_protected_key_without_anybody_to_ask(locked, tmp_path):
    found = one(signing(locked))
    assert found["level"] == "error"
    assert "nobody can be asked" in found["what"]
    assert "gpg-preset-passphrase" in found["hint"]
    assert signing(locked, "--passphrase-file", secret_file(tmp_path, LOCKED.passphrase)) == []
    code = call("doctor", "--keyring", locked, "--signer", LOCKED.address).code
    assert code == Exit.NO_PERMISSION


def test_a_wrong_passphrase(locked, tmp_path):
    found = one(signing(locked, "--passphrase-file", secret_file(tmp_path, "not the right one")))
    assert found["level"] == "error"
    assert "not the right one" not in json.dumps(found)


def test_the_account_has_the_passphrase(locked, tmp_path):
    secret_file(tmp_path, LOCKED.passphrase)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[account.work]\nkeyring = "{locked}"\nsigner = "{LOCKED.address}"\n'
        'passphrase_file = "secret"\n'
    )
    assert only("signing", "--config", config) == []


def test_a_passphrase_that_is_only_in_the_cache(locked):
    (locked / "gpg-agent.conf").write_text("default-cache-ttl 600\nallow-loopback-pinentry\n")
    command = ["gpg", "--homedir", locked, "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase-fd", "0", "--sign", "--output", "-", "/dev/null"]
    subprocess.run(command, input=LOCKED.passphrase.encode(), check=True, capture_output=True)
    found = one(signing(locked))
    assert (found["level"], "agent's cache" in found["what"]) == ("warning", True)


def test_nobody_is_asked_at_a_terminal(locked):
    ours, theirs = pty.openpty()
    try:
        began = time.monotonic()
        found = one(signing(locked, env=environment(GPG_TTY=os.ttyname(theirs))))
        assert time.monotonic() - began < 15
        assert "nobody can be asked" in found["what"]
        os.set_blocking(ours, False)
        with pytest.raises(BlockingIOError):
            os.read(ours, 1)
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_signer_whose_key_has_ended():
    with keyring_copy("expired") as home:
        arguments = ("signing", "--keyring", home, "--signer", "expired@example.org")
        found = one(only(*arguments))
        mend(found["fix"])
        assert only(*arguments) == []


def test_recipients_without_a_key_or_with_one_that_ends(tmp_path):
    with ThrowawayHome() as home:
        home.make_key("Soon <soon@example.org>", expires="5d")
        config = tmp_path / "config.toml"
        policy = '"soon@example.org" = {encrypt = "require"}\n"no@example.org" = {encrypt = "%s"}\n'
        start = f'[account.work]\nkeyring = "{home.path}"\n[policy]\n'
        config.write_text(start + policy % "require")
        soon, missing = only("keys", "--config", config)
        assert (soon["level"], missing["level"]) == ("warning", "error")
        assert "ends in 5 days" in soon["what"]
        assert missing["fix"].endswith("--locate-external-keys no@example.org")
        mend(soon["fix"])
        (missing,) = only("keys", "--config", config)
        config.write_text(start + policy % "prefer")
        (missing,) = only("keys", "--config", config)
        assert missing["level"] == "warning"


def test_a_recipient_whose_key_is_not_trusted(home, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        f'[account.work]\nkeyring = "{home}"\n[policy]\n"carol@example.org" = {{encrypt = true}}\n'
    )
    found = one(only("keys", "--config", config))
    mend(found["fix"])
    assert only("keys", "--config", config) == []
