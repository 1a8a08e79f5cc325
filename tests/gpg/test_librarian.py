"""Listing and export through python-gnupg: what comes back, failures, silence in logs."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import Cancelled, EngineError, KeyringError, TimeLimitError
from gpgmail.core.run import Run
from gpgmail.gpg.home import Home
from gpgmail.gpg.librarian import Librarian
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy

DAMAGED = KEYRINGS / "damaged"


@pytest.fixture
def modern():
    with keyring_copy("modern") as home:
        yield home


@pytest.fixture
def empty():
    with empty_home() as home:
        yield home


def librarian(home, *keyrings, run=None):
    return Librarian(Home(directory=home, keyrings=keyrings), run or Run(timeout=30))


def fingerprints(records):
    return [record.primary["fingerprint"] for record in records]


def gpg(home, *arguments, given=None):
    ran = subprocess.run(
        ["gpg", "--homedir", home, "--batch", *arguments],
        input=given,
        capture_output=True,
        check=True,
    )
    return ran.stdout


@pytest.fixture
def gpg_in_path(tmp_path, monkeypatch):
    """Put a script in gpg's place; it may end in `exec "$GPG" "$@"`."""

    def place(script):
        real = shutil.which("gpg")
        path = tmp_path / "bin" / "gpg"
        path.parent.mkdir(exist_ok=True)
        versioned = f'#!/bin/sh\nGPG={real}\n[ "$1" = --version ] && exec "$GPG" "$@"\n'
        path.write_text(f"{versioned}{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
        return path

    return place


class TestListing:
    def test_query_and_everything(self, modern):
        alice = fixture_key("modern", "alice")
        assert fingerprints(librarian(modern).list_keys("<alice@example.org>")) == [
            alice.fingerprint
        ]
        assert len(librarian(modern).list_keys()) == 4

    def test_nothing_found_is_no_failure(self, modern):
        one = librarian(modern)
        assert one.list_keys("nobody@example.org") == ()
        assert one.list_keys("nobody@example.org", secret=True) == ()
        assert one.list_keys("0x1122334455667788", "*nobody") == ()
        assert len(one.list_keys("*nobody", "*alice")) == 1

    def test_empty_home(self, empty):
        assert librarian(empty).list_keys() == ()

    @pytest.mark.parametrize("query", ["--version", "-z", "--output", "/etc/passwd"])
    def test_query_is_never_an_option(self, modern, query):
        assert librarian(modern).list_keys(query) == ()

    def test_user_ids_keep_their_own_validity_and_state(self):
        with keyring_copy("uid-unsigned") as home:
            (dana,) = librarian(home).list_keys(fixture_key("uid-unsigned", "dana").fingerprint)
        letters = {fields["uid"]: fields["trust"] for fields in dana.user_ids}
        assert letters == {
            "Dana (test) <dana@claimed.example.org>": "-",
            "Dana (test) <dana@example.org>": "f",
        }
        assert all(int(fields["date"]) > 0 for fields in dana.user_ids)

    def test_secret_parts_only_when_asked_for(self, modern):
        (seen,) = librarian(modern).list_keys("*sender", secret=True)
        assert {part["token"] for part in (seen.primary, *seen.subkeys)} == {"+"}
        (seen,) = librarian(modern).list_keys("*sender")
        assert {part["token"] for part in (seen.primary, *seen.subkeys)} == {""}
        assert {part["cap"].lower() for part in seen.subkeys} == {"e"}

    def test_public_listing_starts_no_agent(self, modern):
        librarian(modern).list_keys("*alice")
        assert not (modern / "S.gpg-agent").exists()

    def test_user_id_cannot_pass_for_lines_of_a_listing(self, empty):
        r"""python-gnupg ends lines at U+2028 and U+0085 and undoes `\n` twice."""
        name = "Eve\u2028fpr\u2028uid:u::::1::x::Alice <a@example.org>\x85 \\n <eve@example.org>"
        gpg(empty, "--passphrase", "", "--quick-gen-key", name, "ed25519", "sign")
        (eve,) = librarian(empty).list_keys()
        assert [fields["uid"] for fields in eve.user_ids] == [name]

    def test_text_that_is_not_utf8_is_listed(self, empty):
        gpg(
            empty,
            "--display-charset",
            "latin1",
            "--no-utf8-strings",
            *("--passphrase", "", "--quick-gen-key"),
            "Z\u00fcrich <z@example.org>".encode("latin1"),
            *("ed25519", "sign"),
        )
        (one,) = librarian(empty).list_keys("*z@example.org")
        assert one.user_ids[0]["uid"].endswith("rich <z@example.org>")

    def test_keyrings_beside_a_home(self, empty, tmp_path):
        other = tmp_path / "public.gpg"  # a copy: gpg's trust check rewrites a keyring
        other.write_bytes((KEYRINGS / "recipients" / "public.gpg").read_bytes())
        found = librarian(empty, other).list_keys("*bob")
        assert fingerprints(found) == [fixture_key("recipients", "bob").fingerprint]


class TestDamaged:
    @pytest.mark.parametrize("name", ["garbage.gpg", "truncated.gpg", "truncated.kbx"])
    def test_listing_says_that_it_is_not_whole(self, empty, name):
        """gpg prints the keys before the damage and tells only by its exit code."""
        with pytest.raises(KeyringError) as caught:
            librarian(empty, DAMAGED / name).list_keys()
        assert caught.value.code is ErrorCode.PGP_READ_FILE
        assert str(DAMAGED / name) in str(caught.value)

    @pytest.mark.parametrize("name", ["garbage.gpg", "truncated.kbx"])
    @pytest.mark.parametrize("query", ["*sender", "*nobody", "0x1122334455667788"])
    def test_missing_is_not_broken_and_broken_is_not_missing(self, empty, name, query):
        with pytest.raises(KeyringError, match="gpg could not read all of it"):
            librarian(empty, DAMAGED / name).list_keys(query)

    def test_found_before_the_damage(self, empty):
        with pytest.raises(KeyringError):
            librarian(empty, DAMAGED / "truncated.kbx").list_keys("*alice")


class TestExport:
    @pytest.mark.parametrize("armor", [True, False])
    def test_export_is_what_gpg_exports(self, modern, armor):
        alice = fixture_key("modern", "alice").fingerprint
        exported = librarian(modern).export_keys([alice], armor=armor)
        form = ["--armor"] if armor else []
        assert exported == gpg(modern, *form, "--export", alice)

    def test_export_of_nothing(self, modern):
        with pytest.raises(KeyringError, match="A" * 40):
            librarian(modern).export_keys(["A" * 40])


class TestProcess:
    def test_one_process_a_question(self, modern, gpg_in_path):
        path = gpg_in_path('echo "$@" >> "$0.log"; exec "$GPG" "$@"')
        one = librarian(modern)
        one.list_keys("*alice")
        one.list_keys("*bob")
        lines = path.with_name("gpg.log").read_text().splitlines()
        assert len(lines) == 2
        assert lines[0].endswith("-- *alice")
        assert f"--homedir {modern}" in lines[0]

    def test_time_limit_ends_the_whole_group(self, modern, gpg_in_path):
        path = gpg_in_path('trap "" TERM; sleep 60 & echo $! > "$0.pid"; wait')
        started = time.monotonic()
        with pytest.raises(TimeLimitError, match="listing keys"):
            librarian(modern, run=Run(timeout=0.5)).list_keys()
        assert time.monotonic() - started < 10
        child = int(path.with_name("gpg.pid").read_text())
        assert ended(child)

    def test_cancel(self, modern, gpg_in_path):
        gpg_in_path("sleep 60")
        run = Run(timeout=60)
        threading.Timer(0.3, run.cancel).start()
        with pytest.raises(Cancelled):
            librarian(modern, run=run).list_keys()

    def test_answers_that_trickle_are_no_silence(self, modern, gpg_in_path):
        gpg_in_path('for i in 1 2 3 4; do echo "tru::"; sleep 0.25; done; exec "$GPG" "$@"')
        assert librarian(modern, run=Run(timeout=0.7)).list_keys("*alice")

    def test_no_gpg(self, modern, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(EngineError, match="/nowhere") as caught:
            librarian(modern).list_keys()
        assert caught.value.code is ErrorCode.GPG_MISSING


def ended(pid):
    """Whether a process is gone, or dead and not yet collected."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


class TestQuiet:
    def test_nothing_is_logged_for_us(self, modern, caplog):
        """python-gnupg writes the first bytes of exported keys at debug level."""
        caplog.set_level(logging.DEBUG)
        one = librarian(modern)
        one.list_keys("*nobody", secret=True)
        assert one.export_keys([fixture_key("modern", "alice").fingerprint])
        with pytest.raises(KeyringError):
            one.export_keys(["A" * 40])
        assert caplog.records == []

    def test_others_who_use_the_library_still_see_their_log(self, modern, caplog):
        import gnupg

        librarian(modern).list_keys("*alice")
        caplog.set_level(logging.DEBUG)
        gnupg.GPG(gnupghome=str(modern)).list_keys(keys="alice")
        assert any("--list-keys" in record.message for record in caplog.records)

    def test_importing_the_module_costs_nothing(self):
        code = "import sys, gpgmail.gpg.librarian; sys.exit('gnupg' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
