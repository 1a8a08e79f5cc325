"""A lock in the home that gpg waits for: the error names the file and who has it."""

from __future__ import annotations

import os
import subprocess

import pytest

from gpgmail.core.errors import TimeLimitError
from gpgmail.core.run import Run
from gpgmail.gpg.contexts import Contexts
from gpgmail.gpg.home import Home
from gpgmail.gpg.librarian import Librarian
from gpgmail.gpg.runner import execute
from tests.support.engines import needs_pygpgme
from tests.support.keyrings import keyring_copy

HERE = os.uname().nodename
AGENT = "gnupg_spawn_agent_sentinel.lock"


def listed(home, run):
    Librarian(home, run).list_keys()


def signed(home, run):
    return execute(home, ["--sign"], run=run, source=[b"text"])


def signed_by_gpgme(home, run):
    contexts = Contexts()
    try:
        return contexts.execute(home, ["--sign"], run=run, source=[b"text"])
    finally:
        contexts.close()


OPERATIONS = [
    (listed, "trustdb.gpg.lock"),
    (signed, AGENT),
    pytest.param(signed_by_gpgme, AGENT, marks=needs_pygpgme),
]


@pytest.fixture
def home():
    with keyring_copy("own-key") as path:
        yield Home(directory=path)


@pytest.fixture
def stranger():
    """A process that got the number of one that is gone."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def lock(home, name, pid, host=HERE):
    path = home.directory / name
    path.write_text(f"{pid:10}\n{host}\n")
    return path


@pytest.mark.parametrize(("operation", "name"), OPERATIONS)
def test_the_error_names_the_lock_and_the_process(home, stranger, operation, name):
    path = lock(home, name, stranger.pid)
    with pytest.raises(TimeLimitError) as caught:
        operation(home, Run(timeout=1))
    assert caught.value.subject == str(path)
    assert f"process {stranger.pid} (sleep)" in caught.value.detail
    subprocess.run(["sh", "-c", caught.value.hint.rpartition(": ")[2]], check=True)
    operation(home, Run(timeout=20))


def test_a_lock_of_another_host_is_named_with_it(home):
    path = lock(home, "trustdb.gpg.lock", 1, "another.example")
    with pytest.raises(TimeLimitError) as caught:
        listed(home, Run(timeout=1))
    assert (caught.value.subject, "another.example" in caught.value.detail) == (str(path), True)


def test_a_lock_of_a_process_that_is_gone_is_in_nobodys_way(home, stranger):
    stranger.kill()
    stranger.wait()
    path = lock(home, "trustdb.gpg.lock", stranger.pid)
    listed(home, Run(timeout=20))
    assert not path.exists()
