"""The command line as a program: help, exit codes, streams that break, signals that end it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from importlib import import_module

import pytest

import gpgmail
from gpgmail.cli import VERBS
from gpgmail.core.codes import Exit
from gpgmail.testing.script import Phase, Stall
from tests.servers.hostile import Hostile
from tests.support import commands
from tests.support.commands import call, environment, run, start
from tests.support.keyrings import empty_home

MAIL = ("--from", "sender@example.org", "--to", "alice@example.org", "--text", "x")


def test_version():
    assert call("--version").text == f"gpgmail {gpgmail.__version__}\n"


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_fits_a_terminal_and_explains_each_option(verb):
    outcome = call(*[verb] if verb else [], "--help")

    assert (outcome.code, outcome.errors) == (0, "")
    assert max(map(len, outcome.text.splitlines())) <= 80
    if verb:
        command = import_module(VERBS[verb][0]).command
        for option in (one for one in command.params if one.opts[0].startswith("-")):
            assert option.help, option.name
            assert option.help[0].isupper()
            assert option.help.endswith(".")
            assert option.opts[0] in outcome.text


def test_help_groups_the_options_of_send():
    titles = re.findall(r"^(\w.*):$", call("send", "--help").text, re.MULTILINE)

    assert titles[0] == "The mail"
    assert titles[-1] == "Options"
    assert len(titles) == 6


def test_the_list_of_verbs_loads_none():
    script = "import sys; from gpgmail.cli import run; run(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [commands.PROGRAM[0], "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {module for module, _ in VERBS.values()}


def test_no_arguments_show_what_there_is():
    outcome = call()

    assert outcome.code == Exit.USAGE
    assert "send" in outcome.errors + outcome.text


@pytest.mark.parametrize("arguments", [("nothing",), ("--nothing",), ("send", "extra"), ("read",)])
def test_wrong_use(arguments):
    outcome = call(*arguments)

    assert (outcome.code, outcome.output) == (Exit.USAGE, b"")
    assert "Usage: gpgmail" in outcome.errors


@pytest.mark.parametrize(
    ("error", "code"),
    [(FileNotFoundError(2, "gone", "x"), 71), (KeyError("x"), 70), (MemoryError(), 70)],
)
@pytest.mark.parametrize("traced", [False, True])
def test_an_unexpected_error_is_a_line(monkeypatch, error, code, traced):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("gpgmail.cli.send.Mailer.of_account", fail)
    if traced:
        monkeypatch.setenv("GPGMAIL_TRACEBACK", "1")
    outcome = call("send", "--output", "-", *MAIL)

    assert outcome.code == code
    assert f"gpgmail: unexpected {type(error).__name__}: " in outcome.errors
    assert ("Traceback" in outcome.errors) == traced
    assert traced or outcome.errors.count("\n") == 1


def test_a_stream_that_breaks_while_a_mail_is_shown(tmp_path):
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"Subject: x\r\n\r\n" + b"line\r\n" * 100_000)
    with start("read", mail) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()

    assert process.returncode == 73
    assert errors == "gpgmail: a file cannot be written: standard output: Broken pipe\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")  # noqa: PTH110 - a device
@pytest.mark.parametrize("what", ["--help", "--version", "read", "--output"])
def test_a_stream_that_is_full(tmp_path, what):
    (tmp_path / "mail.eml").write_bytes(b"Subject: x\r\n\r\nx\r\n")
    arguments = {"read": ("read", tmp_path / "mail.eml"), "--output": ("send", *MAIL, what, "-")}
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        outcome = run(*arguments.get(what, (what,)), stdout=full)

    assert outcome.code in {71, 73}
    assert "No space left on device" in outcome.errors
    assert "Traceback" not in outcome.errors
    assert outcome.errors.count("\n") == 1


def test_a_mail_that_is_sent_is_a_success_though_nobody_hears_of_it(place):
    reading, writing = os.pipe()
    os.close(reading)
    with Hostile() as server, open(writing, "wb") as broken:  # noqa: PTH123 - a descriptor
        target = f"smtp://127.0.0.1:{server.port}"
        outcome = run("send", "--server", target, *MAIL, stdout=broken)

        assert len(server.settled()[0].contents) == 1
    assert outcome.code == 0
    assert outcome.errors.startswith("gpgmail: the mail is done, but ")
    assert outcome.errors.count("\n") == 1


# ---- signals

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def ended(process, number, times=1):
    """Send a signal to the command line, and return what it said in the end."""
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.05)
    output, errors = process.communicate(timeout=20)
    assert b"Traceback" not in errors
    return output, errors.decode()


def until(condition, limit=20.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("phase", "verb"), [(Phase.BANNER, None), (Phase.MAIL, "MAIL"), (Phase.DOT, "DATA")]
)
def test_a_signal_ends_a_delivery(place, number, phase, verb):
    with Hostile({phase: Stall()}) as server:
        process = start(
            *("send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL),
            *("--sign", "--encrypt", "--keyring", place("modern")),
        )
        until(lambda: server.connections)
        (connection,) = server.connections
        until(lambda: verb is None or verb in connection.verbs)
        time.sleep(0.2)
        started = time.monotonic()
        _, errors = ended(process, number)
        assert time.monotonic() - started < 5

    assert process.returncode == Exit.TRY_AGAIN
    assert errors.count("\n") == 1 + (phase is Phase.DOT)
    assert errors.startswith("gpgmail: ")
    assert ("may have" in errors) == (phase is Phase.DOT)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_while_waiting_for_the_text(number):
    reading, writing = os.pipe()
    with open(reading, "rb") as text:  # noqa: PTH123 - a descriptor
        process = start("send", "--output", "-", *MAIL[:4], stdin=text)
    until(lambda: waits_in_read(process))
    output, errors = ended(process, number)
    os.close(writing)

    assert (process.returncode, output) == (Exit.TRY_AGAIN, b"")
    assert errors == "gpgmail: interrupted\n"


def waits_in_read(process):
    """Whether the process sleeps in a read of its standard input."""
    try:
        with open(f"/proc/{process.pid}/syscall") as file:  # noqa: PTH123 - not a file proper
            return file.read().split()[:2] == ["0", "0x0"]
    except OSError:
        return True


def test_a_signal_while_a_helper_waits_for_a_passphrase(tmp_path):
    helper = f"sh -c 'echo > {tmp_path}/on; exec sleep 60'"
    process = start("send", *MAIL, "--output", "-", "--passphrase-command", helper)
    until((tmp_path / "on").exists)
    output, errors = ended(process, signal.SIGTERM)

    assert (process.returncode, output) == (Exit.TRY_AGAIN, b"")
    assert errors == "gpgmail: interrupted\n"


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_leaves_no_prepared_home(place, number):
    """An armored file is served from a prepared home with an agent of its own."""
    with empty_home() as runtime, Hostile({Phase.BANNER: Stall()}) as server:
        process = start(
            *("send", "--server", f"smtp://127.0.0.1:{server.port}", *MAIL),
            *("--sign", "--keyring", place("exports") / "secret.asc"),
            env=environment(XDG_RUNTIME_DIR=str(runtime)),
        )
        until(lambda: server.connections)
        (prepared,) = runtime.iterdir()
        assert agents_in(prepared)
        ended(process, number, times=3)

        assert process.returncode == Exit.TRY_AGAIN
        assert list(runtime.iterdir()) == []
        until(lambda: not agents_in(prepared))  # one that was told to end takes an instant


def agents_in(home):
    """The processes that were started for a home."""
    done = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if os.fspath(home) in line]


def test_a_signal_within_a_destructor_is_not_lost():
    script = """if True:
        import os, signal, time, gpgmail.cli, gpgmail.cli.inputs
        class Dropped:
            def __del__(self):
                signal.raise_signal(signal.SIGTERM)
        def standard_input():
            Dropped()
            time.sleep(30)
        gpgmail.cli.inputs.standard_input = standard_input
        gpgmail.cli.main()
    """
    started = time.monotonic()
    done = subprocess.run(
        [commands.PROGRAM[0], "-c", script, "send", "--output", "-", *MAIL[:4]],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert time.monotonic() - started < 10
    assert (done.returncode, done.stderr) == (75, "gpgmail: interrupted\n")


def test_an_ignored_signal_stays_ignored(place, tmp_path):
    reading, writing = os.pipe()
    with open(reading, "rb") as text:  # noqa: PTH123 - a descriptor
        process = subprocess.Popen(
            ["nohup", *commands.PROGRAM, "send", "--output", "-", *MAIL[:4]],
            stdin=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
    until(lambda: waits_in_read(process))
    process.send_signal(signal.SIGHUP)
    os.write(writing, b"the text\n")
    os.close(writing)
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert b"the text" in output
