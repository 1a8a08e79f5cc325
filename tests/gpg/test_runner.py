"""One gpg process: streams both ways, failures on either side, time limit, cancel, environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import Cancelled, TimeLimitError
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.gpg.home import Home
from gpgmail.gpg.process import Pipe
from gpgmail.gpg.pump import pump
from gpgmail.gpg.runner import execute
from tests.support.keyrings import fixture_key

SENDER = fixture_key("modern", "sender").fingerprint
ALICE = fixture_key("modern", "alice").fingerprint
ENCRYPT = ("--trust-model=always", "--compress-algo=none", "--encrypt", "-r", ALICE)


@pytest.fixture
def fake_gpg(tmp_path, monkeypatch):
    """A gpg that runs a few lines of shell; `$status` and `$command` are its descriptors."""

    def make(body):
        path = tmp_path / "bin" / "gpg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            textwrap.dedent("""\
            #!/bin/bash
            [ "$1" = --version ] && echo "gpg (GnuPG) 2.2.40" && exit 0
            while [ $# -gt 0 ]; do
              case $1 in --status-fd) status=$2;; --command-fd) command=$2;; esac; shift
            done
            """)
            + textwrap.dedent(body)
        )
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return Home(directory=tmp_path)

    return make


def test_one_process_an_operation_and_what_it_says(copy, run):
    result = execute(copy("modern"), ["--armor", "--sign", "-u", SENDER], run=run, source=[b"text"])
    assert result.ok
    assert len(run.started) == 1
    assert result.output.startswith(b"-----BEGIN PGP MESSAGE-----\n")
    created = [line for line in result.status if line.keyword == "SIG_CREATED"]
    assert [line.get("fingerprint") for line in created] == [SENDER]


def test_a_signature_and_what_it_signs_are_two_inputs(copy, run):
    home = copy("modern")
    text = b"signed\r\n" * 100_000
    made = execute(home, ["--detach-sign", "-u", SENDER], run=run, source=[text])
    verify = ["--verify", "--", "SIGNATURE", "-"]
    for source, code in (([text], 0), ([text, b"more"], 1)):
        result = execute(
            home, verify, run=run, source=source, extra_input={"SIGNATURE": made.output}
        )
        keyword = "BADSIG" if code else "VALIDSIG"
        assert result.returncode == code
        assert keyword in [line.keyword for line in result.status]


MUCH = """
import os, resource, sys
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.gpg.home import Home
from gpgmail.gpg.runner import execute
block, taken = os.urandom(64 * 1024), []
options = ["--trust-model=always", "--compress-algo=none", "--encrypt", "-r", sys.argv[2]]
def much(blocks):
    source = (block for _ in range(blocks))
    home = Home(directory=Path(sys.argv[1]))
    assert execute(home, options, run=Run(timeout=60), source=source, sink=measure).ok
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def measure(data):
    taken.append(len(data))
before = much(16)
print(much(1024) - before, sum(taken))
"""


def test_sixty_four_megabytes_pass_in_little_memory(copy):
    ran = subprocess.run(
        [sys.executable, "-c", MUCH, copy("modern").directory, ALICE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    grown, size = map(int, ran.stdout.split())
    assert size > 65 * 1024 * 1024
    assert grown < 8 * 1024  # KiB, against a first run of 1 MiB


def test_small_pieces_and_one_large_one_arrive_alike(copy, run):
    home = copy("modern")
    data = bytes(range(256)) * 4000
    store = ["--no-armor", "--compress-algo=none", "--store"]
    pieces = [data[at : at + 57] for at in range(0, len(data), 57)]
    whole = execute(home, store, run=run, source=[data])
    cut = execute(home, store, run=run, source=[b"", *pieces, b""])
    opened = [execute(home, ["--decrypt"], run=run, source=[made.output]) for made in (whole, cut)]
    assert [result.output for result in opened] == [data, data]


def test_gpg_may_write_much_before_it_has_read_all(fake_gpg, run):
    home = fake_gpg("""
        head -c 20000000 /dev/zero
        head -c 3000000 /dev/zero | tr '\\0' 'e' >&2
        wc -c
    """)
    source = (b"x" * 100_000 for _ in range(100))
    taken = bytearray()
    assert execute(home, [], run=run, source=source, sink=taken.extend).ok
    assert taken[:20_000_000] == bytes(20_000_000)
    assert taken[20_000_000:].strip() == b"10000000"


def test_gpg_that_ends_early_leaves_its_exit_code(fake_gpg, run):
    home = fake_gpg('printf "[GNUPG:] NODATA 3\\n" >&$status; exit 2')
    result = execute(home, [], run=run, source=(b"x" * 100_000 for _ in range(100)))
    assert result.returncode == 2
    assert [line.keyword for line in result.status] == ["NODATA"]


def test_gpg_that_ends_early_does_not_end_a_script_with_default_sigpipe(fake_gpg, run):
    home = fake_gpg("exit 2")
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        for _ in range(3):
            assert (
                execute(home, [], run=run, source=(b"x" * 100_000 for _ in range(100))).returncode
                == 2
            )
        assert signal.SIGPIPE not in signal.sigpending()
        assert signal.SIGPIPE not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_unknown_status_and_questions_are_taken_in_stride(fake_gpg, run):
    home = fake_gpg("""
        printf '[GNUPG:] FROM_THE_FUTURE a b\\nrubbish\\n' >&$status
        printf '[GNUPG:] GET_BOOL really.do.it\\n' >&$status
        read -r -u $command answer
        echo "answer=<$answer>"
    """)
    result = execute(home, [], run=run, passphrases=Passphrases({ANY_KEY: Secret("secret")}))
    assert result.output == b"answer=<>\n"
    assert result.status[0].keyword == "FROM_THE_FUTURE"


class BrokenError(Exception):
    """What a source, sink or handler of the caller's raises."""


def breaking():
    yield b"x" * 1_000_000
    raise BrokenError


def test_a_source_that_breaks_midway_fails_and_ends_gpg(copy, run, all_end):
    home = copy("modern")
    taken = bytearray()
    with pytest.raises(BrokenError):
        execute(home, ENCRYPT, run=run, source=breaking(), sink=taken.extend)
    assert all_end(f"--homedir {home.directory} --batch", 1)
    opened = execute(copy("recipients-home"), ["--decrypt"], run=run, source=[bytes(taken)])
    assert not opened.ok


def test_a_sink_that_breaks_fails_and_ends_gpg(copy, run, all_end):
    home = copy("modern")

    def sink(_):
        raise BrokenError

    with pytest.raises(BrokenError):
        execute(home, ENCRYPT, run=run, source=(bytes(100_000) for _ in range(100)), sink=sink)
    assert all_end(f"--homedir {home.directory} --batch", 1)


SLEEPS = """
    trap '' TERM
    sleep 1000 & echo $! > "{}"
    wait
"""


def sleeper(path):
    until = time.monotonic() + 5
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.01)
    return Path("/proc", path.read_text().strip())


def gone(process, seconds=0.5):
    """Whether a process that got its signal is dead, which the kernel does in its own time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def test_the_time_limit_ends_the_whole_group_within_a_second(fake_gpg, tmp_path):
    note = tmp_path / "pid"
    home = fake_gpg(SLEEPS.format(note))
    began = time.monotonic()
    with pytest.raises(TimeLimitError) as caught:
        execute(home, [], run=Run(timeout=1.5))
    assert 1.4 < time.monotonic() - began < 2.5
    assert caught.value.code is ErrorCode.TCP_TIMEOUT
    assert str(tmp_path) in str(caught.value)
    assert gone(sleeper(note))


def test_moving_data_keeps_the_time_limit_off(fake_gpg):
    home = fake_gpg("for i in 1 2 3 4 5 6; do sleep 0.2; echo $i; done")
    assert execute(home, [], run=Run(timeout=0.6)).output == b"1\n2\n3\n4\n5\n6\n"
    with pytest.raises(TimeLimitError):
        execute(home, [], run=Run(timeout=0.6, absolute=True))


def test_cancel_from_another_thread_ends_the_whole_group(fake_gpg, tmp_path):
    note = tmp_path / "pid"
    home = fake_gpg(SLEEPS.format(note))
    run = Run(timeout=0)
    cancelled = []

    def cancel():
        sleeper(note)
        cancelled.append(time.monotonic())
        run.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled) as caught:
        execute(home, [], run=run)
    ended = time.monotonic()
    thread.join()
    assert ended - cancelled[0] < 1
    assert caught.value.code is ErrorCode.SMTP_INTERRUPTED
    assert gone(sleeper(note))


def test_somebody_gpg_left_behind_does_not_hold_us(fake_gpg, run):
    home = fake_gpg("sleep 4 & echo done; exit 0")
    began = time.monotonic()
    assert execute(home, [], run=run).output == b"done\n"
    assert time.monotonic() - began < 2


def descriptors():
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def test_no_descriptor_stays_open(copy, run):
    home = copy("modern")
    execute(home, ["--list-keys"], run=run)
    before = descriptors()
    execute(home, ["--list-keys"], run=run)
    with pytest.raises(BrokenError):
        execute(home, ["--store"], run=run, source=breaking())
    assert descriptors() == before


def test_messages_are_english_and_ours_are_the_options(copy, run, monkeypatch):
    home = copy("modern")
    (home.directory / "gpg.conf").write_text("pinentry-mode ask\nverbose\n")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    result = execute(home, ["--decrypt"], run=run, source=[b"nothing"])
    assert "no valid OpenPGP data found" in result.stderr


BARE = """
import os, sys
os.setsid()
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.gpg.home import Home
from gpgmail.gpg.runner import execute
home = Home(directory=Path(sys.argv[1]))
result = execute(home, ["--sign", "-u", sys.argv[2]], run=Run(timeout=20), source=[b"text"])
print(result.returncode, len(result.output) > 50)
"""


def test_without_terminal_home_and_runtime_directory(copy):
    home = copy("modern")
    ran = subprocess.run(
        [sys.executable, "-c", BARE, home.directory, SENDER],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ran.stdout.strip(), ran.stderr) == ("0 True", "")


def test_what_a_program_writes_just_before_its_end_is_read():
    """It may write and end between a look at the pipes and the look whether it ended."""
    pipe, taken = Pipe(to_child=False), bytearray()

    class Ending:
        @property
        def ended(self):
            if pipe.child >= 0:
                os.write(pipe.child, b"at the last")
                pipe.close_child()
            return True

    pump(Ending(), {pipe: taken.extend}, (), Run(timeout=5), "a program")
    pipe.close()
    assert taken == b"at the last"
