"""The directory: a mail is whole in it or not there, and of several takers one has it."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from gpgmail.core.codes import Retry
from gpgmail.core.errors import Cancelled, MessageError
from gpgmail.core.run import Run
from gpgmail.spool import queuefile, store
from gpgmail.spool.store import State
from tests.spool.support import CONTENT, content_of, endings, loads, mail, names, queued

ROOT = str(Path(__file__).resolve().parents[2])  # last: gpgmail is the one that is tested


def taken(path):
    """A claim that is there."""
    claim = store.claim(path)
    assert claim is not None
    return claim


def failing(directory, number, *, made=None):
    with pytest.raises(MessageError) as caught:
        store.add(directory, made or mail(), Run())
    error = caught.value
    assert (error.code.family, error.code.number) == ("TCPClient", number)
    assert str(directory) in str(error)
    return error


# ------------------------------------------------------------------------------------------ adding


def test_the_file_is_for_its_owner_and_is_named_by_time(tmp_path):
    old = os.umask(0)
    try:
        paths = [queued(tmp_path) for _ in range(20)]
    finally:
        os.umask(old)
    assert paths == sorted(paths) == store.listed(tmp_path, State.QUEUED)
    for path in paths:
        assert re.fullmatch(r"\d{8}T\d{6}-\d{9}-[0-9a-f]{16}\.queued", path.name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert time.strftime("%Y%m%d", time.gmtime()) in {paths[0].name[:8], paths[-1].name[:8]}
    assert content_of(loads(paths[0].read_bytes().decode())) == CONTENT


def test_success_means_that_file_and_name_are_on_the_disk(tmp_path, monkeypatch):
    """The system calls in their order, and which object each was about."""
    seen = []

    def noting(name, call):
        def noted(*args, **kwargs):
            target = args[0]
            if isinstance(target, int):
                target = Path(f"/proc/self/fd/{target}").readlink()
            seen.append((name, Path(target)))
            return call(*args, **kwargs)

        monkeypatch.setattr(os, name, noted)

    for name in ("fsync", "rename", "write"):
        noting(name, getattr(os, name))
    path = queued(tmp_path)
    unfinished = tmp_path / f".{path.stem}.writing"
    assert seen == [
        ("write", unfinished),
        ("fsync", unfinished),
        ("rename", unfinished),
        ("fsync", tmp_path),
    ]


@pytest.mark.parametrize("broken", ["write", "fsync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_a_step_that_fails_leaves_nothing(tmp_path, monkeypatch, broken, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, broken, fail)
    error = failing(tmp_path, 303)
    assert os.strerror(number) in str(error)
    assert error.retry is (Retry.NO if number == errno.EACCES else Retry.LATER)
    assert names(tmp_path) == []


def test_where_the_name_does_not_reach_the_disk_the_mail_is_not_there(tmp_path, monkeypatch):
    fsync = os.fsync

    def fail_for_directories(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "broken")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_for_directories)
    failing(tmp_path, 303)
    assert names(tmp_path) == []


def test_a_directory_that_is_missing_or_none_is_named(tmp_path):
    assert "must be there" in str(failing(tmp_path / "missing", 303))
    file = tmp_path / "file"
    file.write_bytes(b"x")
    failing(file, 303)
    assert file.read_bytes() == b"x"
    with pytest.raises(MessageError) as caught:
        store.add(tmp_path / "nul\0", mail(), Run())
    assert caught.value.code.number == 303
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_nothing_and_says_that_it_may_work_later(tmp_path):
    """A process that may write no file beyond 400 kB stands in for a full disk."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from gpgmail.core.errors import MessageError\n"
        "from gpgmail.core.run import Run\n"
        "from gpgmail.spool import store\n"
        "from tests.spool.support import mail\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "try: store.add(Path(sys.argv[1]), mail([b'x' * 50_000] * 100), Run())\n"
        "except MessageError as error: print(error.code.number, error.retry, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, ROOT))},
    )
    assert done.stdout.startswith("303 later ")
    assert str(tmp_path) in done.stdout
    assert names(tmp_path) == []


def test_a_content_that_fails_leaves_nothing_and_keeps_its_own_error(tmp_path):
    def content():
        yield b"x" * 1_000_000
        raise ConnectionError("of the caller's stream")

    with pytest.raises(ConnectionError, match="of the caller"):
        store.add(tmp_path, mail(content()), Run())
    assert names(tmp_path) == []


def test_writing_can_be_interrupted(tmp_path):
    run = Run()

    def content():
        yield b"x" * 1_000_000
        run.cancel()
        yield b"y"
        pytest.fail("went on")

    with pytest.raises(Cancelled):
        store.add(tmp_path, mail(content()), run)
    assert names(tmp_path) == []


WRITE_FOR_EVER = """
import sys, time
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.spool import store
from tests.spool.support import mail
def content():
    yield b"x" * 1_000_000
    print("begun", flush=True)
    time.sleep(60)
store.add(Path(sys.argv[1]), mail(content()), Run())
"""


def test_a_process_killed_while_it_writes_leaves_no_mail(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, ROOT))},
    ) as process:
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmp_path.iterdir()
    assert left.stat().st_size >= 1_000_000
    assert left.name.startswith(".")
    for state in State:
        assert store.listed(tmp_path, state) == []


WRITE_MANY = """
import sys
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.spool import store
from tests.spool.support import mail
print("ready", flush=True)
for number in range(10_000):
    store.add(Path(sys.argv[1]), mail([b"x" * 700_000, b"%d" % number]), Run())
"""


@pytest.mark.parametrize("seconds", [0.02, 0.11, 0.23, 0.31])
def test_whenever_a_process_is_killed_every_mail_is_whole(tmp_path, seconds):
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_MANY, tmp_path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((*sys.path, ROOT))},
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = store.listed(tmp_path, State.QUEUED)
    for number, path in enumerate(found):
        with taken(path) as claim:
            assert content_of(claim.read(Run())).endswith(b"x%d" % number)
    assert len(names(tmp_path)) - len(found) <= 1


# ------------------------------------------------------------------------------------------ taking


def test_one_claim_at_a_time(tmp_path):
    path = queued(tmp_path)
    with taken(path):
        assert store.claim(path) is None
    with taken(path) as claim:
        claim.begin()
        assert endings(tmp_path) == [".sending"]
        assert store.claim(path) is None
        assert store.claim(claim.path) is None


def test_the_lock_is_on_the_file_and_not_on_its_name(tmp_path, monkeypatch):
    """Somebody opens the file, is slow, and gets the lock when the mail is done."""
    path = queued(tmp_path)
    flock = store._locked

    def late(descriptor):
        monkeypatch.setattr(store, "_locked", flock)
        with taken(path) as other:
            other.begin()
            other.move(State.SENT)
        return flock(descriptor)

    monkeypatch.setattr(store, "_locked", late)
    assert store.claim(path) is None
    assert endings(tmp_path) == [".sent"]


@pytest.mark.parametrize("state", State)
def test_a_claim_moves_its_file_and_never_onto_another(tmp_path, state):
    path = queued(tmp_path)
    other = path.with_suffix(state)
    with taken(path) as claim:
        other.write_bytes(b"of somebody else") if other != path else None
        claim.move(state)
        assert claim.path == path.with_stem(path.stem + "-1").with_suffix(state)
    if other != path:
        assert other.read_bytes() == b"of somebody else"
    assert claim.path.suffix == state


def test_every_change_of_a_name_reaches_the_disk(tmp_path, monkeypatch):
    path = queued(tmp_path)
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("names" if is_directory else "file", endings(tmp_path)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    with taken(path) as claim:
        claim.begin()
        made = claim.read(Run())
        chunks = claim.handing_over(made.content())
        assert next(chunks) == CONTENT
        assert len(synced) == 1
        assert list(chunks) == []
        claim.remove()
    assert synced == [
        ("names", [".sending"]),
        ("file", [".sending"]),
        ("names", []),
    ]


def test_a_file_says_whether_a_server_may_have_all_of_it(tmp_path):
    path = queued(tmp_path)
    before = path.read_bytes()
    with taken(path) as claim:
        claim.begin()
        chunks = claim.handing_over(claim.read(Run()).content())
        next(chunks)
    with taken(claim.path) as again:
        assert not again.unsure
        list(again.handing_over(again.read(Run()).content()))
        assert again.handed_over
    with taken(claim.path) as third:
        assert third.unsure
        assert not third.handed_over
    claim.path.rename(path)  # somebody decides
    assert path.read_bytes() == before[: -len(b"unsent\r\n")] + b"unsure\r\n"
    with taken(path) as decided:
        assert not decided.unsure
        decided.begin()
        assert content_of(decided.read(Run())) == CONTENT
    assert claim.path.read_bytes() == before


class Crash(BaseException):
    """The process ends here."""


@contextmanager
def crashing(monkeypatch, name, *, of=os, error=Crash):
    """Let the process end where it would do *name*."""

    def crash(*_args, **_values):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(of, name, crash)
        yield


def handed_over(claim):
    list(claim.handing_over(claim.read(Run()).content()))


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED])
def test_a_crash_after_a_definite_answer_does_not_make_a_mail_unsure(tmp_path, monkeypatch, state):
    path = queued(tmp_path)
    with taken(path) as claim:
        claim.begin()
        handed_over(claim)
        with crashing(monkeypatch, "link"), pytest.raises(Crash):
            claim.move(state)
    with taken(path.with_suffix(".sending")) as left:
        assert not left.unsure


def test_a_crash_after_somebody_decided_does_not_make_a_mail_unsure(tmp_path):
    path = queued(tmp_path)
    with taken(path) as claim:
        claim.begin()
        handed_over(claim)
    claim.path.rename(path)
    with taken(path) as decided:
        decided.begin()
    with taken(claim.path) as left:
        assert not left.unsure


def test_a_crash_after_the_server_took_it_leaves_it_unsure(tmp_path, monkeypatch):
    path = queued(tmp_path)
    with taken(path) as claim:
        claim.begin()
        handed_over(claim)
        with crashing(monkeypatch, "link"), pytest.raises(Crash):
            claim.move(State.SENT)
    with taken(path.with_suffix(".sending")) as left:
        assert left.unsure


@pytest.mark.parametrize("state", [State.QUEUED, State.FAILED, State.SENT])
def test_a_change_of_name_that_a_crash_cut_in_two_is_finished(tmp_path, monkeypatch, state):
    path = queued(tmp_path)
    with taken(path) as claim:
        claim.begin()
        if state is State.SENT:
            handed_over(claim)
        with crashing(monkeypatch, "unlink"), pytest.raises(Crash):
            claim.move(state)
    assert endings(tmp_path) == sorted([".sending", state])
    again = store.claim(path) if state is State.QUEUED else store.claim(claim.path)
    if again is not None:
        with again:
            again.begin()
    assert endings(tmp_path) == [".sending" if state is State.QUEUED else state]


def test_a_name_that_is_taken_at_the_last_moment_is_left_alone(tmp_path, monkeypatch):
    path = queued(tmp_path)
    other = path.with_suffix(".failed")
    exists = os.path.lexists

    def late(name):
        found = exists(name)
        other.write_bytes(b"of somebody else")
        return found

    link = os.link

    def later(*args, **values):
        other.write_bytes(b"of somebody else")
        link(*args, **values)

    monkeypatch.setattr(os.path, "lexists", late)
    monkeypatch.setattr(os, "link", later)
    with taken(path) as claim:
        claim.move(State.FAILED)
    assert other.read_bytes() == b"of somebody else"
    assert claim.path.name == f"{path.stem}-1.failed"
    assert names(tmp_path) == sorted([other.name, claim.path.name])


def test_where_the_file_system_has_no_links_files_are_renamed(tmp_path, monkeypatch):
    def without(*_args, **_values):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", without)
    path = queued(tmp_path)
    path.with_suffix(".failed").write_bytes(b"of somebody else")
    with taken(path) as claim:
        claim.move(State.FAILED)
    assert names(tmp_path) == sorted([f"{path.stem}-1.failed", f"{path.stem}.failed"])


def test_a_file_of_any_size_is_claimed_at_once_and_refused(tmp_path):
    path = queued(tmp_path)
    os.truncate(path, 1 << 42)
    with taken(path) as claim, pytest.raises(MessageError) as caught:
        claim.read(Run())
    assert caught.value.code.name == "QUEUE_DAMAGED"


def test_whatever_happens_while_a_file_is_claimed_the_lock_is_let_go(tmp_path, monkeypatch):
    path = queued(tmp_path)
    path = path.rename(path.with_suffix(".sending"))
    no_memory = crashing(monkeypatch, "is_unsure", of=queuefile, error=MemoryError)
    with no_memory, pytest.raises(MemoryError):
        store.claim(path)
    taken(path).close()


def odd_link(path, target):
    path.symlink_to(target)


def odd_pipe(path, target):
    os.mkfifo(path)


def odd_directory(path, target):
    path.mkdir()


@pytest.mark.parametrize("make", [odd_link, odd_pipe, odd_directory])
def test_what_is_no_regular_file_is_left_alone(tmp_path, make):
    target = queued(tmp_path)
    before = target.read_bytes()
    path = tmp_path / "odd.queued"
    make(path, target)
    with pytest.raises(MessageError) as caught:
        store.claim(path)
    assert (caught.value.code.number, caught.value.subject) == (302, str(path))
    assert os.path.lexists(path)
    assert target.read_bytes() == before


def test_a_link_that_comes_between_is_not_followed(tmp_path, monkeypatch):
    target, path = queued(tmp_path), tmp_path / "late.queued"
    path.symlink_to(target)
    monkeypatch.setattr(Path, "lstat", Path.stat)
    with pytest.raises(MessageError) as caught:
        store.claim(path)
    assert caught.value.code.number == 302


def test_a_file_that_is_gone_is_another_ones(tmp_path):
    assert store.claim(tmp_path / "gone.queued") is None


def test_a_file_that_was_cut_off_is_claimed_and_then_refused(tmp_path):
    path = queued(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with taken(path) as claim, pytest.raises(MessageError) as caught:
        claim.read(Run())
    assert caught.value.code.name == "QUEUE_DAMAGED"
    assert str(path) in str(caught.value)


def test_a_file_that_gets_shorter_while_it_is_read_is_an_error(tmp_path):
    path = queued(tmp_path, [b"x" * 1_000_000])
    with taken(path) as claim:
        chunks = claim.read(Run()).content()
        next(chunks)
        os.truncate(path, 300_000)
        with pytest.raises(MessageError, match="lost its end"):
            list(chunks)


def test_checking_a_large_file_can_be_interrupted(tmp_path):
    path = queued(tmp_path, [b"x" * 1_000_000])
    run = Run()
    run.cancel()
    with taken(path) as claim, pytest.raises(Cancelled):
        claim.read(run)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_cannot_be_listed_is_named(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    place = tmp_path / name
    with pytest.raises(MessageError) as caught:
        store.listed(place, State.QUEUED)
    assert (caught.value.code.number, caught.value.subject) == (302, str(place))


def test_listing_looks_at_extensions_only(tmp_path):
    for name in ("b.queued", "a.queued", "a.sending", ".queued", "queued", "a.queued.bak", "x.Q"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in store.listed(tmp_path, State.QUEUED)] == ["a.queued", "b.queued"]
    assert [path.name for path in store.listed(tmp_path, State.SENDING)] == ["a.sending"]
