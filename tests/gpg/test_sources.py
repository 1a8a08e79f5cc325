"""Passphrases that are kept elsewhere: files, descriptors, commands, the desktop's keyring."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import keyring
import pytest
from keyrings.alt.file import PlaintextKeyring

from gpgmail import Passphrase
from gpgmail.core.errors import Cancelled, PassphraseError, UnsupportedError, UsageError
from gpgmail.core.run import Run
from gpgmail.gpg import sources

SECRET = "  grüße, viele 🔑 "


def written(directory, content=SECRET, mode=0o600, name="secret"):
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def in_shell(command, **more):
    return Passphrase.from_command(command, shell=True, **more)  # noqa: S604 - what is tested


def refused(passphrase, *words, run=None):
    with pytest.raises(PassphraseError) as caught:
        passphrase.fetch("", run)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.code.number == 122
    return caught.value


def opened():
    """How many descriptors are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def piped(content=b""):
    reading, writing = os.pipe()
    os.write(writing, content)
    return reading, writing


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\n\n", "\nuser: ann\n"])
def test_a_file_gives_its_first_line_and_blanks_stay(tmp_path, ending):
    path = written(tmp_path, SECRET + ending)
    assert Passphrase.from_file(path).fetch().reveal() == SECRET
    assert Passphrase.from_file(str(path)).fetch().reveal() == SECRET


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o602, 0o660, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused_with_the_chmod(tmp_path, mode):
    path = written(tmp_path, "hidden words", mode, name="a file")
    error = refused(Passphrase.from_file(path), f"{mode:04o}")
    assert error.hint == f"chmod 600 '{path}'"
    assert "hidden words" not in str(error)
    subprocess.run(error.hint, shell=True, check=True)  # noqa: S602 - what the error tells people
    assert Passphrase.from_file(path).fetch().reveal() == "hidden words"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to others")
def test_a_credential_of_systemd_is_taken(tmp_path):
    """Root's file, let in through an access list: the mode shows that as the group's bits."""
    directory = tmp_path / "credentials"
    directory.mkdir(mode=0o755)
    path = written(directory, SECRET, 0o440)
    for parent in (tmp_path, *tmp_path.parents[:-1]):
        if parent != Path("/tmp"):  # noqa: S108 - the base of pytest's directories
            parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(path, 0, 65534)
    code = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from gpgmail import Passphrase\n"
        "print(Passphrase.from_file(sys.argv[1]).fetch().reveal())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", f"import gpgmail.gpg.sources\n{code}", path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (shown.stdout.decode(), shown.stderr) == (f"{SECRET}\n", b"")


NOTHING = {
    "absent": (lambda where: where / "absent", "No such file"),
    "a directory": (lambda where: where, "it is a directory"),
    "a device": (lambda _: "/dev/tty0" if Path("/dev/tty0").exists() else "/dev/zero", "it is not"),
    "empty": (lambda where: written(where, ""), "it is empty"),
    "an empty line": (lambda where: written(where, "\nsecond\n"), "it is empty"),
    "Latin-1": (lambda where: written(where, "grün".encode("latin-1")), "it is not UTF-8"),
    "endless": (lambda where: written(where, b"x" * 70_000), "more than 65536 bytes"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_file_that_gives_nothing(tmp_path, name):
    make, words = NOTHING[name]
    path = make(tmp_path)
    refused(Passphrase.from_file(path), str(path), "gives no passphrase", words)


def test_a_named_pipe_is_waited_for_and_not_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)
    writer = threading.Thread(target=lambda: (time.sleep(0.2), path.write_text(f"{SECRET}\n")))
    writer.start()
    assert Passphrase.from_file(path).fetch().reveal() == SECRET
    writer.join()
    monkeypatch.setattr(sources, "LIMIT", 0.3)
    refused(Passphrase.from_file(path), "nothing came within 0.3 s")


def test_the_name_of_a_descriptor_is_that_descriptor():
    reading, writing = piped(f"{SECRET}\nthe mail".encode())
    assert Passphrase.from_file(f"/dev/fd/{reading}").fetch().reveal() == SECRET
    assert os.read(reading, 100) == b"the mail"
    os.close(reading)
    os.close(writing)


def test_a_descriptor_is_read_once_to_the_lines_end_and_left_open():
    reading, writing = piped(f"{SECRET}\nsecond\n".encode())
    passphrase = Passphrase.from_fd(reading)
    assert [passphrase.fetch(key).reveal() for key in ("A", "B")] == [SECRET] * 2
    assert os.read(reading, 100) == b"second\n"
    os.close(writing)
    refused(Passphrase.from_fd(reading), f"descriptor {reading}", "it is empty")
    os.close(reading)
    refused(Passphrase.from_fd(reading), "Bad file descriptor")


def test_a_silent_descriptor_ends_with_the_limit_or_the_caller(monkeypatch):
    reading, writing = piped()
    run = Run()
    threading.Timer(0.2, run.cancel).start()
    with pytest.raises(Cancelled):
        Passphrase.from_fd(reading).fetch("", run)
    monkeypatch.setattr(sources, "LIMIT", 0.2)
    refused(Passphrase.from_fd(reading), "nothing came within 0.2 s")
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("command", [f"printf '%s\\n' '{SECRET}'", ["printf", "%s", SECRET]])
def test_a_command_gives_its_first_line(command):
    assert Passphrase.from_command(command).fetch().reveal() == SECRET


def test_a_shell_is_there_only_when_asked_for(tmp_path):
    command = f"echo one; touch {tmp_path}/made"
    assert Passphrase.from_command(command).fetch().reveal() == f"one; touch {tmp_path}/made"
    assert not (tmp_path / "made").exists()
    assert in_shell(command).fetch().reveal() == "one"
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("shell", [False, True])
@pytest.mark.parametrize("command", ["", "   ", []])
def test_no_command_is_refused_at_once(command, shell):
    with pytest.raises(UsageError):
        Passphrase.from_command(command, shell=shell)


def test_a_failing_command_is_told_by_its_own_words_without_what_it_gave():
    command = "echo hidden words; echo 'no hidden words today' >&2; exit 3"
    error = refused(in_shell(command), "the command ended with 3")
    assert "no ******** today" in str(error)
    assert "hidden words" not in str(error)
    error = refused(Passphrase.from_command(["false", "an argument that is secret"]))
    assert "command false" in str(error)
    assert "argument" not in str(error)
    refused(in_shell("kill -9 $$"), "signal 9 ended")
    refused(Passphrase.from_command("/nonexistent/helper"), "No such file")
    refused(Passphrase.from_command("true"), "it is empty")
    refused(Passphrase.from_command("yes"), "writes more than 65536 bytes")


def test_a_command_reads_nothing():
    assert in_shell("cat; echo end").fetch().reveal() == "end"


def test_a_command_is_ended_with_all_that_it_started(tmp_path, all_end):
    sleep = f"sleep 3{os.getpid() % 997:03d}"
    command = f"trap '' TERM; {sleep} & {sleep} & echo hidden; wait"
    began = time.monotonic()
    refused(in_shell(command, timeout=0.4), "did not end within 0.4 s")
    assert time.monotonic() - began < 5
    assert all_end(sleep)


def test_output_does_not_prolong_a_commands_time():
    command = "while :; do printf x; sleep 0.05; done"
    began = time.monotonic()
    refused(in_shell(command, timeout=0.4), "did not end within")
    assert time.monotonic() - began < 5


def test_a_caller_who_stops_ends_the_command(all_end):
    sleep = f"sleep 4{os.getpid() % 997:03d}"
    run = Run()
    threading.Timer(0.2, run.cancel).start()
    with pytest.raises(Cancelled) as caught:
        in_shell(f"echo hidden; {sleep}").fetch("", run)
    assert all_end(sleep)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    lines = [frame for frame in shown.stack if "gpgmail/" in frame.filename]
    assert lines
    assert not [frame for frame in lines if "bytearray(b'hidden" in str(frame.locals)]


def test_a_keyring_has_an_entry_for_each_key(tmp_path, monkeypatch):
    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring")
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
    backend.set_password("gpgmail", "AB" * 20, SECRET)
    backend.set_password("gpgmail", "common", "for all")
    assert Passphrase.from_keyring("gpgmail").fetch("AB" * 20).reveal() == SECRET
    assert Passphrase.from_keyring("gpgmail", "common").fetch("AB" * 20).reveal() == "for all"
    with pytest.raises(PassphraseError) as caught:
        Passphrase.from_keyring("gpgmail").fetch("CD" * 20)
    assert caught.value.hint == f"keyring set gpgmail {'CD' * 20}"


def test_a_keyring_that_cannot_be_used(monkeypatch):
    from keyring.backends.fail import Keyring as Fails

    monkeypatch.setattr(keyring.core, "_keyring_backend", Fails())
    refused(Passphrase.from_keyring("gpgmail", "x"), "there is no keyring here")

    waits = PlaintextKeyring()
    waits.get_password = lambda *_: time.sleep(2)
    monkeypatch.setattr(keyring.core, "_keyring_backend", waits)
    monkeypatch.setattr(sources, "LIMIT", 0.2)
    refused(Passphrase.from_keyring("gpgmail", "x"), "did not answer within 0.2 s", "unlock it")

    def dismissed(*_):
        raise keyring.errors.KeyringLocked("dismissed")

    waits.get_password = dismissed
    refused(Passphrase.from_keyring("gpgmail", "x"), "the keyring says dismissed", "unlock it")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UnsupportedError, match=r"gpgmail\[keyring\]"):
        Passphrase.from_keyring("gpgmail", "x").fetch()


def test_nothing_of_it_shows(tmp_path):
    made = [
        Passphrase.from_file(written(tmp_path)),
        Passphrase.from_command(["printf", SECRET]),
        in_shell(f"printf '{SECRET}'"),
    ]
    for passphrase in made:
        passphrase.fetch()
        assert SECRET.strip() not in repr(passphrase) + str(passphrase)
    assert repr(made[1]) == "<Passphrase from command printf>"


def test_a_programs_own_signals_and_pipes_are_left_alone():
    before = signal.getsignal(signal.SIGPIPE), opened()
    for _ in range(3):
        refused(Passphrase.from_command("/nonexistent/helper"))
        Passphrase.from_command("echo x").fetch()
    assert (signal.getsignal(signal.SIGPIPE), opened()) == before
