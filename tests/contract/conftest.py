"""Homes for the matrix, the gpg that judges, and the record of what came out."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpgmail.crypto.engines import engine
from gpgmail.gpg.binary import find
from tests.contract.axes import MADE, make_448
from tests.contract.record import Outcome, Record
from tests.crypto.helpers import Gpg
from tests.servers.unpacked import tree
from tests.support.keyrings import empty_home, keyring_copy

_CELL, _ORDER = pytest.StashKey(), pytest.StashKey()


def pytest_collection_modifyitems(items):
    for order, item in enumerate(items):
        item.stash[_ORDER] = order


@pytest.fixture(scope="session")
def record():
    return Record()


@pytest.fixture
def outcome(request, record):
    """What the test says of its cell; written when the test is over, as failed if it was."""
    said = Outcome()
    yield said
    record.take(request.node.stash[_CELL], said, request.node.stash[_ORDER])


@pytest.fixture
def of_cell(request):
    """Say which cell the test is."""

    def name(cell):
        request.node.stash[_CELL] = cell

    return name


def gpgs():
    """Every gpg of PATH, that of this run first, and the unpacked one."""
    places = [*os.environ.get("PATH", os.defpath).split(os.pathsep), str(tree() / "gnupg24/bin")]
    paths = [Path(place, "gpg").resolve() for place in places]
    return list(dict.fromkeys(str(path) for path in paths if os.access(path, os.X_OK)))


def other_gpg():
    """A gpg of another version than that of this run, or that one where there is no other."""
    return gpgs()[:2][-1]


def take_over(gpg):
    """Let the machine's own gpg use a key once, as its owner has.

    gpg 2.2 leaves a secret key that it imported as it came until it is used, and some of those
    gpg 2.4 cannot read (test_upgrades.py).
    """
    oldest = min(gpgs(), key=lambda path: find(path).version)
    Gpg(gpg.home, oldest)("--sign", stdin=b"once")
    conf = Path(oldest).with_name("gpgconf")
    subprocess.run([conf, "--homedir", gpg.home, "--kill", "all"], check=True)


@pytest.fixture(scope="session")
def engines():
    """Each engine once for the run, closed at its end."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = engine(name)
        return made[name]

    yield get
    for one in made.values():
        one.close()


@pytest.fixture(scope="session")
def homes():
    """Copies of situations: of (situation, whose), one for each binary that works there."""
    with ExitStack() as stack:
        made = {}

        def get(situation, binary):
            if (situation, binary) not in made:
                home = empty_home() if situation == MADE else keyring_copy(situation)
                made[situation, binary] = Gpg(stack.enter_context(home), binary)
                if situation == "offline-primary":
                    take_over(made[situation, binary])
            return made[situation, binary]

        yield get


@pytest.fixture(scope="session")
def keys(homes):
    """The facts of a kind's key, made where no fixture has it, and its judge."""
    made = {}

    def get(kind):
        judge = homes(kind.situation, other_gpg())
        if kind.situation != MADE:
            return kind.key, judge
        if kind not in made:
            gpg = homes(MADE, "gpg")
            made[kind] = make_448(gpg)
        return made[kind], homes(MADE, "gpg")

    return get


@pytest.fixture(scope="session")
def keyrings(homes, keys):
    """Keyrings of each kind, made once for the run."""
    with ExitStack() as stack:
        made = {}

        def get(keyring, kind):
            if (keyring, kind) not in made:
                place = stack.enter_context(empty_home())
                facts, _ = keys(kind)
                made[keyring, kind] = keyring.make(
                    homes(kind.situation, "gpg"), facts.fingerprint, place
                )
            return made[keyring, kind]

        yield get
