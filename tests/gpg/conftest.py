"""Homes for the tests of the gpg room, and eyes for the processes that it starts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.gpg.home import Home
from tests.support.keyrings import empty_home, keyring_copy


@pytest.fixture
def copy():
    """A copy of a fixture keyring as a user's own home, by its name."""
    contexts = []

    def make(name):
        context = keyring_copy(name)
        contexts.append(context)
        return Home(directory=context.__enter__())

    yield make
    for context in contexts:
        context.__exit__(None, None, None)


@pytest.fixture
def base(monkeypatch):
    """A directory of its own for the prepared homes of a test."""
    with empty_home() as path:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
        yield path


class Told(Run):
    """A Run that keeps what it is told; `started` are the command lines of gpg."""

    def __init__(self, **options):
        self.events = []
        super().__init__(emit=self.events.append, **{"timeout": 30, **options})

    @property
    def started(self):
        texts = [event.message for event in self.events if isinstance(event, Status)]
        return [text for text in texts if " --status-fd " in text]


@pytest.fixture
def run():
    return Told()


def processes_with(text):
    """The live processes (no zombies) whose command line holds *text*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if text in line and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def ends(text, seconds=3.0):
    """Whether no process with *text* in its command line is left within *seconds*."""
    until = time.monotonic() + seconds
    while processes_with(text):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def live():
    return processes_with


@pytest.fixture
def all_end():
    return ends
