"""Keyrings of a thousand and of ten thousand keys: all are found, and mails go out as fast.

A ring is packed into a keybox beside the work; that happens with the same keys, or not at all.
"""

from __future__ import annotations

import subprocess
import time

import pytest

import gpgmail
from gpgmail.core.run import Run
from gpgmail.gpg import packing
from gpgmail.gpg.prepared import Sources, prepare
from gpgmail.keys.keyring import Keyring
from tests.support import many
from tests.support.counting import count_gpg
from tests.support.keyrings import KEYRINGS
from tests.support.operations import draft

FEW, THOUSAND, TEN_THOUSAND = 20, 1000, 10_000
SENDER = KEYRINGS / "exports" / "secret.asc"


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    return written(tmp_path_factory.mktemp("many"), THOUSAND)


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory):
    return written(tmp_path_factory.mktemp("many"), TEN_THOUSAND)


def written(directory, count):
    many.write(directory, count)
    return directory


def packed(home, seconds=30):
    """Wait until the ring of a prepared home is a keybox, which a share in it takes over."""
    until = time.monotonic() + seconds
    while not (home.directory / "pubring.kbx").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
        yield


def exported(home):
    """All keys as gpg finds them."""
    command = ["gpg", *home.arguments(), "--batch", "--export"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.parametrize("name", ["keys.gpg", "keys.asc", "legacy"])
def test_any_of_a_thousand_is_found_first_and_later(thousand, name):
    with gpgmail.Mailer(None, keyring=thousand / name, trust="always") as mailer:
        for number in (THOUSAND - 1, 0):
            letter = mailer.write(draft(many.address(number)), encrypt=True)
            assert b"PGP MESSAGE" in b"".join(letter.copies[0].render())


def test_a_ring_is_packed_beside_the_work_with_all_its_keys(thousand):
    sources = Sources(public=(thousand / "keys.gpg",))
    with prepare(sources, Run()) as own:
        before = exported(own.home)
        for _ in packed(own.home):
            prepare(sources, Run()).close()
        assert exported(own.home) == before == (thousand / "keys.gpg").read_bytes()
        (own.home.directory / "pubring.gpg").unlink()  # it is the keybox that was listed
        assert exported(own.home) == before
        with Keyring.open(own.home.directory) as ring:
            assert ring.find_recipient("", trust="always").user_id.endswith("<user0@example.org>")


@pytest.mark.parametrize("why", ["small", "no tool", "it fails", "it leaves something out"])
def test_otherwise_the_ring_goes_on_being_used(thousand, tmp_path, monkeypatch, why):
    script = tmp_path / "kbxutil"
    bodies = {"it fails": "exit 1", "it leaves something out": "exec kbxutil --to 900 $2"}
    script.write_text(f"#!/bin/sh\n{bodies.get(why, 'exec kbxutil $*')}\n")
    script.chmod(0o755 if why != "no tool" else 0)
    monkeypatch.setattr(packing, "tool", lambda _: str(script))
    path = tmp_path / "small.gpg"
    path.write_bytes(many.keys(FEW))
    sources = Sources(public=(path if why == "small" else thousand / "keys.gpg",))
    with prepare(sources, Run()) as own:
        until = time.monotonic() + 5
        while (own.home.directory / "packing").exists() and time.monotonic() < until:
            time.sleep(0.02)
            prepare(sources, Run()).close()
        assert not (own.home.directory / "packing").exists()
        assert not (own.home.directory / "pubring.kbx").exists()
        assert exported(own.home) == sources.public[0].read_bytes()


def test_packing_that_does_not_end_is_ended(thousand, tmp_path, monkeypatch):
    script = tmp_path / "kbxutil"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(packing, "tool", lambda _: str(script))
    with prepare(Sources(public=(thousand / "keys.gpg",)), Run()) as own:
        directory = own.home.directory
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not directory.exists()
    monkeypatch.setattr(packing, "_LIMIT", 0.0)
    sources = Sources(public=(thousand / "keys.gpg",))
    with prepare(sources, Run()) as own:
        assert not (own.home.directory / "packing").exists()


def test_one_process_for_a_mail_once_it_is_warm(thousand, tmp_path, monkeypatch):
    counted = count_gpg(tmp_path, monkeypatch)
    with gpgmail.Mailer(None, keyring=SENDER, more_keyrings=[thousand / "keys.gpg"]) as mailer:
        mail = draft("sender@example.org", many.address(7))
        mailer.write(mail, sign=True, encrypt=True)
        before = counted()
        mailer.write(mail, sign=True, encrypt=True)
        assert counted() == before + 1


@pytest.mark.interop
@pytest.mark.timeout(600)
def test_ten_thousand_keys_cost_no_more_than_in_a_keybox(ten_thousand):
    """The best of many, since machines have moods; benchmarks have the exact figures."""
    keybox = ten_thousand / "keys.kbx"
    with prepare(Sources(public=(ten_thousand / "keys.gpg",)), Run()) as own:
        for _ in packed(own.home):
            prepare(Sources(public=(ten_thousand / "keys.gpg",)), Run()).close()
        keybox.write_bytes((own.home.directory / "pubring.kbx").read_bytes())
    cost = {}
    for name in ("keys.kbx", "keys.gpg", "keys.asc", "legacy"):
        with gpgmail.Mailer(None, keyring=ten_thousand / name, trust="always") as mailer:
            first = _seconds(mailer, TEN_THOUSAND - 1)
            time.sleep(2)  # the time in which it is packed
            cost[name] = first, min(_seconds(mailer, TEN_THOUSAND - 1) for _ in range(15))
    for name, (first, later) in cost.items():
        assert later <= 1.3 * cost["keys.kbx"][1] + 0.005, (name, cost)
        assert first <= 5, (name, cost)


def _seconds(mailer, number):
    began = time.perf_counter()
    mailer.write(draft(many.address(number)), encrypt=True)
    return time.perf_counter() - began
