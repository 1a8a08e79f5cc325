"""Who owns a prepared home: after kill -9, other processes, forked children, strangers."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from gpgmail.core.errors import MessageError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.gpg import owned
from gpgmail.gpg.prepared import Sources, empty_home, prepare
from gpgmail.gpg.runner import execute
from tests.support.keyrings import KEYRINGS

SECRET = KEYRINGS / "exports" / "secret.gpg"

OWNER = """
import os, sys, time
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.gpg.prepared import Sources, prepare
own = prepare(Sources(secret=(Path(sys.argv[1]),)), Run())
print(own.home.directory, flush=True)
exec(sys.argv[2])
"""


@pytest.fixture
def owner():
    """Another process that has a prepared home, and then runs what it is given."""
    children = []

    def start(then):
        child = subprocess.Popen(
            [sys.executable, "-c", OWNER, SECRET, then],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child, Path(child.stdout.readline().strip())

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def killed(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def age(path, seconds=3600):
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_after_kill_9_the_next_start_sweeps_home_and_agent(base, owner, live, all_end):
    child, home = owner("time.sleep(60)")
    assert home.parent == base
    assert live(str(home))
    killed(child)
    assert home.is_dir()
    _, other = owner("own.close()")
    assert not home.exists()
    assert other != home
    assert all_end(str(home))


def test_a_live_home_of_another_process_is_never_swept(base, owner, live):
    child, home = owner("time.sleep(60)")
    age(home)
    assert owned.sweep() == []
    assert home.is_dir()
    assert live(str(home))
    killed(child)
    assert owned.sweep() == [home]


def test_an_ended_process_leaves_nothing(base, owner, all_end):
    child, home = owner("pass")
    assert child.wait(20) == 0
    assert all_end(str(home))
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("how", ["raise SystemExit(3)", "1 / 0"])
def test_nor_does_one_that_fails(base, owner, how):
    child, _ = owner(f"sys.stderr = open(os.devnull, 'w')\n{how}")
    assert child.wait(20) != 0
    assert list(base.iterdir()) == []


def forked(action):
    """Run *action* in a forked child; return its exit code."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = action() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_never_cleans_its_parents_home(base, run):
    with prepare(Sources(secret=(SECRET,)), run) as own:

        def child():
            own.close()
            owned.sweep()

        assert forked(child) == 0
        assert execute(own.home, ["--list-secret-keys"], run=run).ok
        assert forked(sys.modules["gpgmail.gpg.prepared"]._end) == 0
        assert own.home.directory.is_dir()


def test_a_childs_exit_handlers_leave_the_parents_home(base, owner):
    then = """
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
print(own.home.directory.is_dir(), flush=True)
"""
    process, _ = owner(then)
    assert process.stdout.readline() == "True\n"


def test_a_forked_child_makes_its_own_home_and_ends_it(base, run):
    with prepare(Sources(secret=(SECRET,)), run) as own:

        def child():
            with prepare(Sources(secret=(SECRET,)), Run()) as other:
                return 0 if other.home.directory != own.home.directory else 1

        assert forked(child) == 0
        assert list(base.iterdir()) == [own.home.directory]


def test_a_home_is_kept_while_a_forked_child_lives_and_swept_after(base, owner):
    then = """
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
time.sleep(60)
"""
    process, home = owner(then)
    child = int(process.stdout.readline())
    killed(process)
    assert owned.sweep() == []
    assert home.is_dir()
    os.kill(child, signal.SIGKILL)
    until = time.monotonic() + 5
    while not owned.sweep():
        assert time.monotonic() < until
        time.sleep(0.02)
    assert not home.exists()


LEFT, LINK, LOCK, NEW = (f"gpgmail-{letter * 12}" for letter in "abcd")


def left_behind(base, name=LEFT, mode=0o700):
    path = base / name
    path.mkdir()
    (path / "owned").touch(0o600)
    (path / "private-keys-v1.d").mkdir()
    (path / "private-keys-v1.d" / "some.key").write_text("secret")
    path.chmod(mode)
    return path


def test_what_nobody_owns_is_swept(base):
    path = left_behind(base)
    assert owned.sweep() == [path]
    assert not path.exists()


@pytest.mark.parametrize("name", ["gpgmail-notes", "gpgmail-x7bw_z1k", f"{LEFT}-old"])
def test_what_others_named_so_is_left(base, name):
    path = left_behind(base, name)
    bare = base / f"{name}-2"
    bare.mkdir(mode=0o700)
    for one in (path, bare):
        age(one)
    assert owned.sweep() == []
    assert (path / "private-keys-v1.d" / "some.key").exists()
    assert bare.exists()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_another_mode_is_not_ours(base, mode):
    path = left_behind(base, mode=mode)
    assert owned.sweep() == []
    assert path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_another_owner_is_not_ours(base):
    path = left_behind(base)
    os.chown(path, 12345, -1)
    assert owned.sweep() == []
    assert path.exists()


def test_links_are_not_followed(base, tmp_path):
    target = left_behind(tmp_path)
    (base / LINK).symlink_to(target)
    holder = left_behind(base, LOCK)
    (holder / "owned").unlink()
    (holder / "owned").symlink_to(target / "owned")
    keys = left_behind(base)
    (keys / "linked.key").symlink_to(target / "private-keys-v1.d" / "some.key")
    (keys / "linked").symlink_to(target / "private-keys-v1.d")
    assert owned.sweep() == [keys]
    assert (target / "private-keys-v1.d" / "some.key").read_text() == "secret"


def test_one_that_is_just_being_made_is_left_until_it_is_old(base):
    path = base / NEW
    path.mkdir(mode=0o700)
    assert owned.sweep() == []
    age(path)
    assert owned.sweep() == [path]


def test_a_maker_that_lost_to_a_sweeper_starts_over(base, monkeypatch, run):
    real_open, lost = os.open, []

    def swept_before_lock(path, flags, *rest, **options):
        descriptor = real_open(path, flags, *rest, **options)
        if not lost and Path(path).name == "owned":
            lost.append(Path(path).parent)
            assert owned.sweep() == lost
        return descriptor

    monkeypatch.setattr(os, "open", swept_before_lock)
    with empty_home(run) as own:
        assert own.home.directory.is_dir()
        assert [own.home.directory] != lost
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("step", ["os.open", "fcntl.flock"])
def test_what_was_just_being_made_goes_at_the_end_of_the_process(base, step):
    script = f"""if True:
        import {step.partition(".")[0]}
        from gpgmail.core.run import Run
        from gpgmail.gpg import owned
        real = {step}
        def interrupt(*_, **__):
            {step} = real
            raise KeyboardInterrupt
        {step} = interrupt
        try: owned.OwnedDirectory(Run())
        except KeyboardInterrupt: print(*owned._memory_bases()[0].glob("gpgmail-*"))
    """
    env = {**os.environ, "PYTHONPATH": str(Path(owned.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith(f"{base}/gpgmail-")
    assert list(base.iterdir()) == []


def test_memory_is_taken_where_there_is_no_runtime_directory(monkeypatch, run):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with empty_home(run) as own:
        assert own.home.directory.parent == Path("/dev/shm")  # noqa: S108
    assert not [event for event in run.events if isinstance(event, Status) and event.level == 1]


@pytest.mark.parametrize("bad", ["mode", "missing", "link", "long"])
def test_a_runtime_directory_that_is_not_ours_is_not_used(base, tmp_path, monkeypatch, run, bad):
    path = base / ("x" * 60 if bad == "long" else "runtime")
    if bad == "link":
        (base / "target").mkdir(mode=0o700)
        path.symlink_to(base / "target")
    elif bad != "missing":
        path.mkdir(mode=0o755 if bad == "mode" else 0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    with empty_home(run) as own:
        assert own.home.directory.parent == Path("/dev/shm")  # noqa: S108


def test_a_disk_is_taken_last_and_said(base, monkeypatch, run):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(owned, "_MEMORY", base / "none")
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    with empty_home(run) as own:
        assert own.home.directory.parent == base
    told = [event.message for event in run.events if isinstance(event, Status) and event.level == 1]
    assert any("on disk" in text and str(base) in text for text in told)


def test_no_place_at_all_is_an_error_that_says_what_to_do(base, monkeypatch, run):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    for name in ("_MEMORY", "_LAST_RESORT"):
        monkeypatch.setattr(owned, name, base / "none")
    monkeypatch.setattr(tempfile, "tempdir", str(base / "none"))
    with pytest.raises(MessageError) as caught:
        empty_home(run)
    assert "TMPDIR" in str(caught.value)


def test_what_a_program_still_writes_is_removed_too(base):
    owned_one = owned.OwnedDirectory(Run())
    path = owned_one.path
    until = time.monotonic() + 0.15

    def write():
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                (path / "sub").mkdir(exist_ok=True)
                (path / "sub" / "late").write_text("x")

    thread = threading.Thread(target=write)
    thread.start()
    owned_one.remove()
    thread.join()
    assert not path.exists()


def test_a_removal_that_was_interrupted_closes_no_file_of_others(base, monkeypatch):
    one = owned.OwnedDirectory(Run())
    monkeypatch.setattr(owned, "_demolish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        one.remove()
    closed = []
    monkeypatch.setattr(owned.os, "close", closed.append)
    one.remove()
    assert closed == []
    monkeypatch.undo()
    owned._end()
    assert list(base.iterdir()) == []
