"""What every test stands on: an environment in which nothing of the person running it is reached.

Rules: no test may read or write that person's keyring, agent or configuration, and none may depend
on a locale or a terminal. A fixture that only some rooms need stands in the conftest of that room.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.correspondents import reader_home, sender_home
from tests.support.leaks import watched
from tests.support.leftovers import no_leftovers
from tests.support.versions import take_the_named_gpg

# Fixtures: whoever asks for one by name has it from here.
__all__ = ["no_leftovers", "reader_home", "sender_home"]

# Examples that start gpg take as long as gpg takes: pytest-timeout ends what hangs. CI tries the
# same examples every time; new ones are found where somebody works.
settings.register_profile("gpgmail", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("gpgmail")

KEYRINGS = Path(__file__).resolve().parents[1] / "fixtures" / "keyrings"
PERSONAL = (
    "DISPLAY",
    "GNUPGHOME",
    "GPG_AGENT_INFO",
    "GPG_TTY",
    "WAYLAND_DISPLAY",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)


@pytest.fixture(scope="session")
def home(isolated):
    """The home directory of the run."""
    return isolated


# Not the fixture above, which a module may have its own of.
@pytest.fixture(scope="session", autouse=True)
def isolated(no_leftovers):
    """An empty home directory for the whole run, on a path that leaves room for gpg's sockets."""
    with (
        tempfile.TemporaryDirectory(prefix="gm-") as directory,
        pytest.MonkeyPatch.context() as env,
    ):
        for name in PERSONAL:
            env.delenv(name, raising=False)
        env.setenv("HOME", directory)
        env.setenv("LC_ALL", "C.UTF-8")
        yield Path(directory)
        _end_agents(Path(directory, ".gnupg"))


# What says little about the Python that runs it and takes long: run once, beside the servers.
ONCE = (
    "tests/certificates",
    "tests/cli",
    "tests/components/test_certificate.py",
    "tests/components/test_client_certificate.py",
    "tests/components/test_firewall.py",
    "tests/components/test_key.py",
    "tests/components/test_network_codes.py",
    "tests/components/test_openpgp",
    "tests/components/test_passphrases.py",
    "tests/components/test_psmtp_bcc.py",
    "tests/components/test_psmtp_keys.py",
    "tests/components/test_queue.py",
    "tests/components/test_readouts.py",
    "tests/components/test_symmetric.py",
    "tests/components/test_waiting.py",
    "tests/crypto",
    "tests/delivery",
    "tests/docs",
    "tests/e2e",
    "tests/fixtures",
    "tests/gpg/test_armor.py",
    "tests/gpg/test_config.py",
    "tests/gpg/test_dialogue.py",
    "tests/gpg/test_fuzz.py",
    "tests/gpg/test_keywords.py",
    "tests/gpg/test_librarian.py",
    "tests/gpg/test_locks.py",
    "tests/gpg/test_owned.py",
    "tests/gpg/test_prepared.py",
    "tests/gpg/test_private_agent.py",
    "tests/interop",
    "tests/keys",
    "tests/message/test_two_readers.py",
    "tests/message/test_waiting.py",
    "tests/protect/test_inline.py",
    "tests/protect/test_mutations.py",
    "tests/protect/test_pgpmime.py",
    "tests/protect/test_read",
    "tests/protect/test_verify.py",
    "tests/pytest_plugin",
    "tests/servers/test_hostile.py",
    "tests/spool",
    "tests/support",
    "tests/test_conformance.py",
    "tests/test_engine_everywhere.py",
    "tests/test_readme.py",
    "tests/testing",
    "tests/tools",
    "tests/transport/test_chunking.py",
    "tests/transport/test_login",
    "tests/transport/test_pipelining.py",
    "tests/transport/test_proxy",
    "tests/transport/test_replay.py",
    "tests/transport/test_revocation.py",
    "tests/transport/test_session_hostile.py",
    "tests/transport/test_throttle.py",
    "tests/transport/test_timeouts.py",
    "tests/transport/test_tls_client",
)


def pytest_configure(config):
    take_the_named_gpg()


def pytest_collection_modifyitems(config, items):
    for item in items:
        place = item.path.relative_to(config.rootpath).as_posix()
        if place.startswith(ONCE):
            item.add_marker("once")


@pytest.fixture(autouse=True)
def silence(request):
    """Fail the test in which gpgmail said a secret; `shows_secrets` is for those that ask it to."""
    with watched() as watch:
        yield watch
    if not request.node.get_closest_marker("shows_secrets"):
        assert not watch.leaks()


@pytest.fixture(scope="session", autouse=True)
def untouched_keyrings():
    """Fail the run in which a test let gpg work on the fixture keyrings instead of on copies."""
    before = _contents(KEYRINGS)
    yield
    assert _contents(KEYRINGS) == before


def _contents(directory):
    files = (path for path in directory.rglob("*") if path.is_file() and path.suffix != ".py")
    return {path: path.stat().st_mtime_ns for path in files if "__pycache__" not in path.parts}


def _end_agents(gnupg_home):
    """End what a test started in the default home, so that no agent outlives its directory."""
    if gnupg_home.is_dir():
        gpgconf = ["gpgconf", "--homedir", os.fspath(gnupg_home)]
        subprocess.run([*gpgconf, "--kill", "all"], check=False, capture_output=True)
        subprocess.run([*gpgconf, "--remove-socketdir"], check=False, capture_output=True)
