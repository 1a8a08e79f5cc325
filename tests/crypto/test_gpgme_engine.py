"""What only the gpgme engine can be held to: libgpgme starts gpg, through a launcher of ours.

Whatever happens, no process, directory, thread or descriptor stays behind.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import Cancelled, GpgmailError, TimeLimitError
from gpgmail.core.events import Progress, Status
from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.crypto.engine import SignatureMode
from gpgmail.crypto.engines import engine
from gpgmail.gpg import launcher, owned
from tests.crypto.helpers import ALICE, SENDER, TEXT, Gpg, job, signer
from tests.support.commands import environment
from tests.support.counting import count_gpg
from tests.support.engines import needs_pygpgme
from tests.support.keyrings import keyring_copy
from tests.support.leftovers import MARK, processes
from tests.support.places import needs_mounts

pytestmark = needs_pygpgme
LOCKED = signer("protected", "locked")
SOON = 1.0  # seconds in which whoever is interrupted is to be free again


@pytest.fixture
def gpgme():
    made = engine("gpgme")
    yield made
    made.close()


def encrypt(engine, work, source=(TEXT,), run=None):
    pieces = []
    made = engine.encrypt(work, source, pieces.append, run or Run(timeout=30))
    return made, b"".join(pieces)


def both(gpg):
    return job(gpg, signers=(SENDER,), recipients=(ALICE,))


def launchers():
    """The directories with a launcher that this run has."""
    place = Path(os.environ["XDG_RUNTIME_DIR"])
    return {script.parent for script in place.glob("gpgmail-*/gpg")}


def at_work():
    """The processes of gpg and its launchers in this run; agents stay with their home."""
    stay = ("gpg-agent", "scdaemon", "keyboxd")  # gpg 2.4's agent starts the second by itself
    found = processes(os.environ[MARK])
    return [one for one in found if not any(name in one for name in stay)]


def soon(true, seconds=3.0):
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return true()


def threads():
    return [one for one in threading.enumerate() if one.name == "gpgmail gpgme"]


# ---- what is kept, and what is not ----


def test_a_kept_context_starts_gpg_once_an_operation(gpgme, modern, tmp_path, monkeypatch):
    count = count_gpg(tmp_path, monkeypatch)
    before = launchers()
    for _ in range(3):
        encrypt(gpgme, both(modern))
    assert count() == 3
    assert len(launchers() - before) == len(threads()) == 1
    (directory,) = launchers() - before
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    gpgme.close()
    assert directory not in launchers()
    assert soon(lambda: not threads())
    assert encrypt(gpgme, both(modern))[0].recipients  # closed, and used again


def test_who_forgets_to_close_leaves_nothing(modern):
    forgotten = engine("gpgme")
    before = launchers()
    encrypt(forgotten, both(modern))
    assert launchers() - before
    del forgotten
    gc.collect()
    assert launchers() == before
    assert soon(lambda: not threads())


def test_no_secret_is_in_a_launcher(gpgme):
    with keyring_copy("protected") as path:
        seen = []

        def ask(event):
            seen.extend(file.read_bytes() for place in launchers() for file in _files(place))
            event.passphrase = "open sesame"

        work = job(Gpg(path), signers=(LOCKED,), passphrases=Passphrases(ask=ask))
        gpgme.sign(work, [TEXT], bytes, SignatureMode.DETACHED, Run(timeout=30))
        seen += [file.read_bytes() for place in launchers() for file in _files(place)]
    assert any(LOCKED.exact.encode() in content for content in seen)
    assert not any(b"sesame" in content for content in seen)


def _files(place):
    return [file for file in place.iterdir() if file.is_file()]


def test_contexts_are_not_shared_between_threads(gpgme, modern, recipients):
    """Nor are those that go with the operation, where more work at once than are kept."""
    threads = 6
    barrier = threading.Barrier(threads)

    def one(number):
        text = b"%d\n" % number * 50_000

        def source():
            barrier.wait(timeout=20)
            yield text

        message = encrypt(gpgme, both(modern), source())[1]
        pieces = []
        gpgme.decrypt(job(recipients), [message], pieces.append, Run(timeout=30))
        return b"".join(pieces) == text

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(one, range(threads)))


def test_a_forked_child_has_contexts_of_its_own(gpgme, modern):
    encrypt(gpgme, both(modern))
    kept = launchers()
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            fine = bool(encrypt(gpgme, both(modern))[0].recipients)
            gpgme.close()
            code = 0 if fine and launchers() == kept else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert encrypt(gpgme, both(modern))[0].recipients
    assert launchers() == kept


def test_no_descriptor_leaks(gpgme, modern):
    def fails():
        yield b"x" * 300_000
        raise BrokenError

    def use():
        encrypt(gpgme, both(modern))
        with pytest.raises(BrokenError):
            encrypt(gpgme, both(modern), fails())
        gpgme.close()

    use()
    before = sorted(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        use()
    assert sorted(Path("/proc/self/fd").iterdir()) == before


class BrokenError(Exception):
    """What a source of a test raises."""


# ---- stopping ----


@pytest.fixture
def stopped_agent():
    """A home whose agent does not answer any more, so that gpg waits for it."""
    with keyring_copy("modern") as path:
        gpg = Gpg(path)
        agent = ["gpg-connect-agent", "--homedir", str(path), "/subst", "/serverpid"]
        agent += ["/echo ${get serverpid}", "/bye"]
        pid = int(subprocess.run(agent, check=True, capture_output=True).stdout.split()[-1])
        assert soon(lambda: _stopped(pid))
        yield gpg
        os.kill(pid, signal.SIGCONT)


def _stopped(pid):
    """Stop a process, and see to it that it stands: one that is just starting may go on."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.05)
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_cancelled_while_gpg_waits(crypto, stopped_agent):
    run = Run(timeout=30)
    threading.Timer(0.3, run.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        encrypt(crypto, both(stopped_agent), run=run)
    assert time.monotonic() - began < 0.3 + SOON
    assert soon(lambda: not at_work())


def test_the_time_limit_while_gpg_waits(crypto, stopped_agent):
    began = time.monotonic()
    with pytest.raises(TimeLimitError) as caught:
        encrypt(crypto, both(stopped_agent), run=Run(timeout=0.4))
    assert "agent" in str(caught.value)
    assert time.monotonic() - began < 5  # the agent is given time to answer who asks it how it is
    assert soon(lambda: not at_work())


INTERRUPTED = """
    import signal, sys, time
    from pathlib import Path
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import ChosenKey, Job
    from gpgmail.crypto.engines import engine
    from gpgmail.gpg.home import Home

    signal.signal(signal.SIGINT, signal.default_int_handler)
    home, name, signer, recipient, seconds = sys.argv[1:]
    work = Job(
        home=Home(directory=Path(home)),
        signers=(ChosenKey(signer, signer),),
        recipients=(ChosenKey(recipient, recipient),),
    )

    def source():
        yield b"x"
        while not float(seconds):
            print(flush=True)
            yield b"x" * 300_000

    doing = engine(name)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, max(0.0, float(seconds)))
    began = time.monotonic()
    try:
        doing.encrypt(work, source(), bytes, Run(timeout=30))
    except KeyboardInterrupt:
        print(time.monotonic() - began)
    doing.close()
    print("closed")
"""


def program(gpg, name, seconds):
    """A process that encrypts: what interrupts itself, for ever with 0, undisturbed with less."""
    words = (gpg.home, name, SENDER.subkey, ALICE.subkey, seconds)
    return [sys.executable, "-c", textwrap.dedent(INTERRUPTED), *map(str, words)]


def test_a_signal_in_the_main_thread_is_heard_while_gpg_waits(crypto, stopped_agent):
    ran = subprocess.run(
        program(stopped_agent, crypto.name, 0.5),
        env=environment(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert 0.5 <= float(ran.stdout.split()[0]) < 0.5 + SOON
    assert soon(lambda: not at_work())


def test_who_is_killed_leaves_no_gpg(crypto, modern):
    command = program(modern, crypto.name, 0)
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as started:
        started.stdout.read(9)  # a line a block
        assert soon(at_work)
        started.kill()
    assert soon(lambda: not at_work())
    owned.sweep()
    assert not launchers()


def test_stopped_at_any_moment(gpgme, modern):
    """Also before gpg or its launcher are there."""
    for milliseconds in range(0, 24, 2):
        run = Run(timeout=30)
        timer = threading.Timer(milliseconds / 1000, run.cancel)
        timer.start()
        with contextlib.suppress(Cancelled):
            encrypt(gpgme, both(modern), run=run)
        timer.cancel()
    assert soon(lambda: not at_work())
    assert encrypt(gpgme, both(modern))[0].recipients


# ---- what libgpgme does not see ----


FRONTS = {
    "ends with an error that it never mentioned": '"$real" "$@"; exit 2',
    "is killed": '"$real" "$@" & sleep 0.01; kill -9 $$',
    "cannot start": "exit 127",
    "knows no such option": 'exec "$real" --no-such-option "$@"',
}


@pytest.fixture(params=FRONTS.values(), ids=FRONTS)
def failing(request, tmp_path, monkeypatch):
    """A gpg that does what it should, or not, and fails."""
    real = shutil.which("gpg")
    version = 'case "$1" in --version) exec "$real" --version;; esac'
    front = tmp_path / "gpg"
    front.write_text(f"#!/bin/sh\nreal={real}\n{version}\n{request.param}\n")
    front.chmod(0o700)
    monkeypatch.setenv("GPGMAIL_GPG", str(front))


def test_a_gpg_that_fails_where_libgpgme_reports_success(crypto, modern, failing):
    with pytest.raises(GpgmailError):
        encrypt(crypto, job(modern, recipients=(ALICE,)))


ODD = "a b 'c' \"d\" $HOME `e` \\ ; & * ü\n-f"


def test_paths_are_passed_as_they_are(crypto, tmp_path):
    with keyring_copy("modern") as path:
        odd = path.with_name(path.name + ODD)
        odd.symlink_to(path)
        try:
            assert encrypt(crypto, both(Gpg(odd)))[0].recipients
        finally:
            odd.unlink()


def test_with_many_descriptors_open(gpgme, modern, recipients):
    """libgpgme's own get numbers that dash cannot redirect, or that leave it one digit or two."""
    for count in (1, 3, 5, 30):
        held = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
        try:
            signature = []
            gpgme.sign(both(modern), [TEXT], signature.append, SignatureMode.DETACHED, Run())
            opened = gpgme.verify(job(recipients), [TEXT], b"".join(signature), Run())
            assert [seen.fingerprint for seen in opened.signatures] == [SENDER.fingerprint]
        finally:
            for descriptor in held:
                os.close(descriptor)


def test_progress_and_status_are_told(gpgme, modern):
    events = []
    work = both(modern)
    encrypt(gpgme, work, [b"x" * 100_000] * 10, Run(timeout=30, emit=events.append))
    told = [event.bytes_processed for event in events if isinstance(event, Progress)]
    assert told == list(range(100_000, 1_000_001, 100_000))
    messages = [event.message for event in events if isinstance(event, Status)]
    assert any("by gpgme" in message for message in messages)
    assert any("SIG_CREATED" in message for message in messages)


def test_without_a_place_for_programs_the_other_engine_is_named(gpgme, modern, monkeypatch):
    def may(path, mode):
        return mode != os.X_OK or Path(path).parent not in launchers()

    monkeypatch.setattr(launcher.os, "access", may)
    before = launchers()
    with pytest.raises(GpgmailError) as caught:
        encrypt(gpgme, both(modern))
    assert caught.value.code is ErrorCode.PGP_UNSUPPORTED
    assert '"gnupg"' in str(caught.value)
    assert launchers() == before


@needs_mounts
def test_memory_where_no_program_may_start_is_passed_over(modern):
    script = "mount --bind /dev/shm /dev/shm && mount -o remount,bind,noexec /dev/shm && "
    script += 'exec "$@"'
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *program(modern, "gpgme", -1)],
        env=environment(XDG_RUNTIME_DIR=None),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stdout == "closed\n", ran.stderr
