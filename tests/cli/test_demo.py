"""`gpgmail demo`: the whole way with nothing configured, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.support.commands import PACKAGE, bare, environment, run, start
from tests.support.keyrings import empty_home

SHOWN = (
    "MAIL FROM:<sender@demo.example>",
    "RCPT TO:<recipient@demo.example>",
    "250 2.0.0 kept as mail 1",
    "multipart/encrypted around text/plain, report.csv",
    "Grüße — 12 volumes are safe ✓",
    "Sender (demo) <sender@demo.example>",
    "good, validity ultimate",
    "recipient@demo.example ",
    "AES256",
    "bytes of content",
    "decrypting, verifying",
)


@pytest.fixture
def runtime():
    """A runtime directory of its own, in which everything that a demo makes must be gone."""
    with empty_home() as path:
        yield path
        assert list(path.iterdir()) == []
        deadline = time.monotonic() + 5
        while processes_of(path):  # one that was told to end takes an instant
            assert time.monotonic() < deadline
            time.sleep(0.02)


def processes_of(directory):
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if str(directory) in line]


def test_the_demo_holds_and_says_what_happened(runtime, tmp_path):
    outcome = run("demo", env=environment(XDG_RUNTIME_DIR=str(runtime), HOME=str(tmp_path)))

    assert (outcome.code, outcome.errors) == (0, "")
    for words in SHOWN:
        assert words in outcome.text
    assert "BEGIN PGP" not in outcome.text
    assert max(map(len, outcome.text.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_a_login_is_needed(runtime):
    outcome = run("demo", env=bare(XDG_RUNTIME_DIR=str(runtime)))

    assert (outcome.code, outcome.errors) == (0, "")
    assert "good, validity ultimate" in outcome.text


def test_a_keyring_of_ones_own_is_not_touched(runtime, tmp_path):
    home = tmp_path / ".gnupg"
    home.mkdir(mode=0o700)
    (home / "gpg.conf").write_text("default-key nobody\nencrypt-to nobody\n")
    env = environment(XDG_RUNTIME_DIR=str(runtime), HOME=str(tmp_path), GNUPGHOME=str(home))

    assert run("demo", env=env).code == 0
    assert [path.name for path in home.iterdir()] == ["gpg.conf"]


def test_without_the_extra_it_says_which_one_to_install(runtime):
    script = "import sys; sys.modules['aiosmtpd'] = None; from gpgmail.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "demo"],
        env={**environment(XDG_RUNTIME_DIR=str(runtime)), "PYTHONPATH": PACKAGE},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr.count("\n") <= 2
    assert "pip install 'gpgmail[demo]'" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.3])
def test_an_interrupted_demo_leaves_nothing(runtime, number, delay):
    """The fixture looks at what is left; the delays meet different steps."""
    process = start("demo", env=environment(XDG_RUNTIME_DIR=str(runtime)))
    deadline = time.monotonic() + 20
    while not any(runtime.iterdir()) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)

    assert b"Traceback" not in errors
    assert process.returncode in {0, 75}, errors
    if process.returncode:
        assert b"gpgmail: " in errors
        assert b"interrupted" in errors
    else:
        assert b"decrypting, verifying" in output
