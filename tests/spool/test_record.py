"""Records of mails that must not go out twice, and what a crash, others and time do to them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from gpgmail import MessageError, TimeLimitError
from gpgmail.core.replies import Reply
from gpgmail.core.run import Run
from gpgmail.spool.record import Entry, Fate, held, known, prune

ALICE, BOB = "alice@example.org", "bob@example.org"
REFUSED = {BOB: Reply(550, ("5.1.1 nobody", "there"))}


def entry(fate=Fate.BEGUN, **more):
    return Entry(fate=fate, message_id="<1@example.org>", recipients=(ALICE, BOB), **more)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state" / "sent"


@pytest.fixture
def write(place):
    def add(*entries, name="mail"):
        with held(place, name, Run()) as record:
            for one in entries:
                record.add(one)
        return place / name

    return add


def test_what_was_written_is_read(place, write):
    last = entry(Fate.PARTLY, accepted=(ALICE,), refused=REFUSED)
    path = write(entry(), last)

    assert known(place, "mail") == last
    with held(place, "mail", Run()) as record:
        assert record.last == last
    assert (path.stat().st_mode & 0o777, place.stat().st_mode & 0o777) == (0o600, 0o700)


def test_looking_makes_nothing(place):
    assert known(place, "mail") is None
    assert not place.exists()


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_crash_cut_off_does_not_count(place, write, cut):
    path = write(entry(), entry(Fate.ACCEPTED, accepted=(ALICE, BOB)))
    os.truncate(path, path.stat().st_size - cut)

    assert known(place, "mail").fate is Fate.BEGUN
    write(entry(Fate.FAILED))
    assert known(place, "mail").fate is Fate.FAILED


def test_a_file_of_others_is_no_record(place, write):
    write(entry()).write_bytes(b"something else\n")

    with pytest.raises(MessageError, match="is no record of a mail"):
        known(place, "mail")


def test_one_sends_and_the_other_sees_it(place, write):
    seen = []

    def other():
        with held(place, "mail", Run()) as record:
            seen.append(record.last.fate)

    with held(place, "mail", Run()) as record:
        thread = threading.Thread(target=other)
        thread.start()
        record.add(entry(Fate.ACCEPTED))
        assert seen == []
    thread.join(10)
    assert seen == [Fate.ACCEPTED]


def test_who_waits_gives_up_at_its_limit(place):
    with (
        held(place, "mail", Run()),
        pytest.raises(TimeLimitError, match="who sends the same mail"),
        held(place, "mail", Run(timeout=0.2)),
    ):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from gpgmail.core.run import Run
from gpgmail.spool.record import Entry, Fate, held
with held(Path(sys.argv[1]), "mail", Run()) as record:
    record.add(Entry(fate=Fate.BEGUN, message_id="<1@a>", recipients=("a@b",)))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_was_killed_leaves_what_it_knew_and_no_lock(place):
    subprocess.run([sys.executable, "-c", KILLED, place], check=False)

    with held(place, "mail", Run(timeout=5)) as record:
        assert record.last.fate is Fate.BEGUN


def test_only_what_is_old_and_free_goes(place, write):
    paths = {name: write(entry(), name=name) for name in ("old", "new", "in-use")}
    for name in ("old", "in-use"):
        os.utime(paths[name], (1, 1))

    with held(place, "in-use", Run()):
        prune(place, 3600)
    assert sorted(path.name for path in place.iterdir()) == ["in-use", "new"]


def test_a_directory_in_which_others_write_is_refused(place, write):
    write(entry())
    place.chmod(0o770)
    with pytest.raises(MessageError, match="others can write there"):
        write(entry())


def test_a_link_is_not_followed(place, write, tmp_path):
    write(entry())
    (place / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MessageError), held(place, "link", Run()):
        pass
    assert not (tmp_path / "elsewhere").exists()
