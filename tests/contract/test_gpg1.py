"""gpg 1.4: its keyrings as they are, and what we make for its keys opened by gpg 1.4 itself.

gpg 1.4 writes into its home, so it works on a copy; we work on another, which must not change.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import ExitStack

import pytest

from gpgmail.crypto.engines import ENGINES
from tests.contract.axes import KeyFacts
from tests.contract.operations import OPERATIONS, Work
from tests.contract.record import Cell
from tests.crypto.helpers import Gpg
from tests.servers.unpacked import ServerUnavailableError, environment, program, skip_or_fail
from tests.support.keyrings import empty_home, fixture_key, keyring_copy

pytestmark = pytest.mark.interop


def run_with(place, name):
    """A program that starts gpg 1.4 with the libraries that it was unpacked with."""
    try:
        binary = program("usr/bin/gpg1")
    except ServerUnavailableError as absent:
        skip_or_fail(absent)
    libraries = environment()["LD_LIBRARY_PATH"]
    script = place / name
    script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} exec {binary} "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture(scope="module")
def gpg1(tmp_path_factory):
    """The path of a program that is gpg 1.4."""
    return run_with(tmp_path_factory.mktemp("gpg1"), "gpg1")


def hashes(directory):
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def make_dsa(gpg):
    """What gpg 1.4 made by default for most of its time."""
    gpg(
        *("--quick-random", "--gen-key"),
        stdin=b"Key-Type: DSA\nKey-Length: 1024\nSubkey-Type: ELG-E\nSubkey-Length: 1024\n"
        b"Name-Real: New\nName-Email: new@example.org\n%no-protection\n%commit\n",
    )
    listed = gpg("--list-keys", "--with-colons", "--fingerprint").decode()
    return KeyFacts(re.search(r"^fpr:+(\w+):", listed, re.MULTILINE)[1], "new@example.org")


@pytest.fixture(scope="module")
def homes_of_1(gpg1):
    """By kind of key: its facts, gpg 1.4 on one copy of its home, and another copy for us."""
    key = fixture_key("legacy", "legacy")
    with keyring_copy("legacy") as rsa, empty_home() as dsa, ExitStack() as stack:
        facts = {"RSA 2048": KeyFacts(key.fingerprint, key.address)}
        facts["DSA/ElGamal 1024"] = make_dsa(Gpg(dsa, gpg1))
        made = {}
        for kind, home in (("RSA 2048", rsa), ("DSA/ElGamal 1024", dsa)):
            ours = stack.enter_context(empty_home())
            shutil.copytree(home, ours, dirs_exist_ok=True)
            made[kind] = facts[kind], Gpg(home, gpg1), ours
        before = {ours: hashes(ours) for _, _, ours in made.values()}
        yield made
        assert {ours: hashes(ours) for ours in before} == before


def test_it_is_1_4(gpg1, tmp_path):
    assert re.match(rb"gpg \(GnuPG\) 1\.4\.", Gpg(tmp_path, gpg1)("--version"))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda row: row.column)
@pytest.mark.parametrize("kind", ["RSA 2048", "DSA/ElGamal 1024"])
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_its_keyring_in_every_operation(  # noqa: PLR0917 - fixtures
    name, kind, operation, engines, homes_of_1, tmp_path, outcome, of_cell
):
    row = f"legacy directory of gpg 1.4, {kind}"
    of_cell(Cell(table="keyrings", row=row, operation=operation.column, engine=name))
    facts, judge, ours = homes_of_1[kind]
    operation.do(Work(engines(name), ours, facts, judge, tmp_path))
    outcome.word, outcome.judge = "good", "1.4"
