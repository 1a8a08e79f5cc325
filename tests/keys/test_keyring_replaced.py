"""A keyring that is replaced on disk while it is open, and one that several use at once.

The next operation sees the new keys; none works with a mix of old and new ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import gpgmail
from gpgmail.core.errors import GpgmailError, KeyringError, KeySelectionError
from gpgmail.core.run import Run
from gpgmail.gpg import filling
from gpgmail.gpg.prepared import Sources, prepare
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.place import Kind
from tests.support.commands import environment
from tests.support.keyrings import KEYRINGS, fixture_key, keyring_copy
from tests.support.operations import both, draft
from tests.support.places import ROOT

SENDER, LOCKED = fixture_key("exports", "sender"), fixture_key("exports-protected", "locked")
EXPORTS, OTHERS = KEYRINGS / "exports", KEYRINGS / "exports-protected"


def replace(path, content):
    """Put new content in the place of a file, at once, as programs do that write with care."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def overwrite(path, content):
    """Write new content of the same length and with the same date into the same file."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def recipient(mailer, who):
    """The key that a mail to *who* is encrypted to."""
    copy = mailer.write(draft(who), encrypt=True).copies[0]
    listed = subprocess.run(
        ["gpg", "--batch", "--list-packets", "--list-only"],
        input=b"".join(copy.render()),
        capture_output=True,
        check=False,
    )
    return listed.stdout.decode().partition("keyid ")[2][:16]


class TestFiles:
    @pytest.mark.parametrize("name", ["public.asc", "public.gpg", "public.kbx"])
    def test_an_open_mailer_uses_the_new_keys_only(self, name, tmp_path):
        path = tmp_path / name
        shutil.copyfile(EXPORTS / name, path)
        with gpgmail.Mailer(None, keyring=path) as mailer:
            assert recipient(mailer, SENDER.address) == SENDER.subkeys[0].fingerprint[-16:]
            replace(path, (OTHERS / name).read_bytes())
            assert recipient(mailer, LOCKED.address) == LOCKED.subkeys[0].fingerprint[-16:]
            with pytest.raises(KeySelectionError):
                mailer.write(draft(SENDER.address), encrypt=True)

    def test_another_form_of_the_file(self, tmp_path):
        path = tmp_path / "keys"
        with gpgmail.Mailer(None, keyring=EXPORTS / "public.asc") as mailer:
            expected = recipient(mailer, SENDER.address)
        shutil.copyfile(EXPORTS / "public.asc", path)
        with gpgmail.Mailer(None, keyring=path) as mailer:
            for name in ("public.kbx", "public.gpg", "secret.asc", "public.asc"):
                replace(path, (EXPORTS / name).read_bytes())
                assert recipient(mailer, SENDER.address) == expected

    def test_a_replacement_of_the_same_length_and_date(self, tmp_path):
        """A key whose user id was changed by a letter: nothing but the inode's own date tells."""
        path = tmp_path / "keys.gpg"
        content = (EXPORTS / "public.gpg").read_bytes()
        path.write_bytes(content)
        with Keyring.open(path) as ring:
            before = ring.stamp()
            assert ring.find_recipient(SENDER.address)
            time.sleep(0.02)
            overwrite(path, content.replace(b"sender@", b"zender@"))
            assert ring.stamp() != before
            with pytest.raises(GpgmailError):
                ring.find_recipient(SENDER.address)

    def test_one_that_is_gone_or_damaged_is_not_used_any_more(self, tmp_path):
        path = tmp_path / "keys.asc"
        shutil.copyfile(EXPORTS / "public.asc", path)
        with gpgmail.Mailer(None, keyring=path) as mailer:
            assert recipient(mailer, SENDER.address)
            replace(path, (KEYRINGS / "damaged" / "truncated.asc").read_bytes())
            with pytest.raises(GpgmailError, match=r"keys\.asc"):
                mailer.write(draft(SENDER.address), encrypt=True)
            path.unlink()
            with pytest.raises(KeyringError, match="No such file"):
                mailer.write(draft(SENDER.address), encrypt=True)
            shutil.copyfile(EXPORTS / "public.asc", path)
            assert recipient(mailer, SENDER.address)

    def test_homes_of_long_ago_are_let_go_of(self, tmp_path):
        path, seen = tmp_path / "keys.gpg", []
        with Keyring.open(EXPORTS / "public.gpg") as one:
            content = one.export_public(SENDER.fingerprint).encode()
        path.write_bytes(content)
        with Keyring.open(path) as ring:
            for number in range(6):
                replace(path, content + b"\n" * number)
                seen.append(ring.public_home(Run()).directory)
            assert len(set(seen)) == 6
            assert [home.is_dir() for home in seen] == [False] * 3 + [True] * 3
        assert not any(home.is_dir() for home in seen)


class TestDirectories:
    def test_a_home_that_took_the_place_of_another(self):
        with keyring_copy("own-key") as home, keyring_copy("protected") as other:
            locked = fixture_key("protected", "locked")
            with gpgmail.Mailer(None, keyring=home, passphrase=locked.passphrase) as mailer:
                assert mailer.write(draft(SENDER.address), sign=True, encrypt=True)
                aside = home.with_name(f"{home.name}-aside")
                home.rename(aside)
                other.rename(home)
                try:
                    with pytest.raises(KeySelectionError):
                        mailer.write(draft(SENDER.address), sign=True)
                    assert mailer.write(draft(locked.address), sign=True, encrypt=True)
                finally:
                    home.rename(other)
                    aside.rename(home)

    def test_a_link_that_was_turned(self, tmp_path):
        with keyring_copy("own-key") as first, keyring_copy("recipients-home") as second:
            link = tmp_path / "current"
            link.symlink_to(first)
            with Keyring.open(link) as ring:
                assert ring.find_signer("").fingerprint == SENDER.fingerprint
                (tmp_path / "next").symlink_to(second)
                (tmp_path / "next").replace(link)
                assert ring.find_signer("alice@example.org")
                with pytest.raises(KeySelectionError):
                    ring.find_signer(SENDER.address)

    def test_a_legacy_directory_that_was_upgraded(self):
        """What a place is, is decided by what is in it at the time."""
        newer = fixture_key("upgraded", "newer-than-upgrade")
        with keyring_copy("legacy") as home, Keyring.open(home) as ring:
            assert ring.kind is Kind.LEGACY
            assert ring.find_signer("legacy@example.org")
            shutil.copytree(KEYRINGS / "upgraded", home, dirs_exist_ok=True)
            assert ring.kind is Kind.HOME
            assert ring.find_signer(newer.address).fingerprint == newer.fingerprint

    def test_a_home_that_comes_to_be(self, monkeypatch, tmp_path):
        home = tmp_path / "gnupg"
        monkeypatch.setenv("GNUPGHOME", str(home))
        with gpgmail.Mailer(None) as mailer:
            with pytest.raises(KeySelectionError):
                mailer.write(draft(SENDER.address), encrypt=True)
            with keyring_copy("own-key") as copy:
                monkeypatch.setenv("GNUPGHOME", str(copy))
                assert recipient(mailer, SENDER.address) == SENDER.subkeys[0].fingerprint[-16:]

    def test_another_passphrase(self):
        """Changed by gpg while the mailer is open: the old one does not do any more."""
        key = fixture_key("protected", "locked")
        with (
            keyring_copy("protected") as home,
            gpgmail.Mailer(None, keyring=home, passphrase=key.passphrase) as old,
            gpgmail.Mailer(None, keyring=home, passphrase="another") as new,
        ):
            assert old.write(draft(key.address), sign=True)
            command = ["gpg", "--homedir", home, "--pinentry-mode", "loopback", "--command-fd", "0"]
            subprocess.run(
                [*command, "--passwd", key.fingerprint],
                input=f"{key.passphrase}\nanother\n".encode(),
                check=True,
                capture_output=True,
            )
            assert new.write(draft(key.address), sign=True)
            with pytest.raises(GpgmailError):
                old.write(draft(key.address), sign=True)


class TestNeverAMix:
    def test_rings_that_are_replaced_while_they_are_read(self, tmp_path, monkeypatch):
        """The public ring was read, the secret one comes later: both are read again."""
        directory = tmp_path / "home"
        shutil.copytree(KEYRINGS / "legacy", directory)
        sources = Sources(public=(directory / "pubring.gpg",), secret=(directory / "secring.gpg",))
        real, replaced = filling.add_secret, []

        def replace_first(*arguments):
            if not replaced:
                replaced.append(True)
                for name in ("public", "secret"):
                    ring = directory / f"{name[:3]}ring.gpg"
                    replace(ring, (EXPORTS / f"{name}.gpg").read_bytes())
            return real(*arguments)

        monkeypatch.setattr(filling, "add_secret", replace_first)
        with prepare(sources, Run(timeout=30)) as own, Keyring.open(own.home.directory) as ring:
            assert {key.fingerprint for key in ring.keys(secret=True)} == {SENDER.fingerprint}

    def test_a_half_written_file_is_read_again_when_it_is_whole(self, tmp_path, monkeypatch):
        path = tmp_path / "keys.gpg"
        content = (EXPORTS / "public.gpg").read_bytes()
        path.write_bytes(content[:-30])
        real, tries = filling.add_public, []

        def written_on(*arguments):
            tries.append(path)
            try:
                return real(*arguments)
            finally:
                if len(tries) == 1:
                    path.write_bytes(content)

        monkeypatch.setattr(filling, "add_public", written_on)
        with prepare(Sources(public=(path,)), Run(timeout=30)) as own:
            assert len(tries) == 2
            with Keyring.open(own.home.directory) as ring:
                assert ring.find_recipient(SENDER.address, trust="always")

    def test_one_that_changes_all_the_time_is_an_error(self, tmp_path, monkeypatch):
        path = tmp_path / "keys.gpg"
        shutil.copyfile(EXPORTS / "public.gpg", path)
        real = filling.add_public

        def changing(*arguments):
            replace(path, path.read_bytes())
            return real(*arguments)

        monkeypatch.setattr(filling, "add_public", changing)
        with pytest.raises(KeyringError, match="changes all the time"):
            prepare(Sources(public=(path,)), Run(timeout=30))

    def test_mails_while_the_file_is_replaced_again_and_again(self, tmp_path):
        """Each mail is for the one key or the other, or is refused; nothing else happens."""
        path, stop = tmp_path / "keys.asc", threading.Event()
        contents = [(place / "public.asc").read_bytes() for place in (EXPORTS, OTHERS)]
        path.write_bytes(contents[0])

        def keep_replacing():
            number = 0
            while not stop.is_set():
                number += 1
                replace(path, contents[number % 2])
                time.sleep(0.03)

        thread = threading.Thread(target=keep_replacing)
        thread.start()
        with gpgmail.Mailer(None, keyring=path) as mailer:
            try:
                for number in range(12):
                    key = (SENDER, LOCKED)[number % 2]
                    try:
                        used = recipient(mailer, key.address)
                    except GpgmailError:
                        continue
                    assert used == key.subkeys[0].fingerprint[-16:]
            finally:
                stop.set()
                thread.join()
            key = (SENDER, LOCKED)[contents.index(path.read_bytes())]
            assert recipient(mailer, key.address) == key.subkeys[0].fingerprint[-16:]


USERS = [
    ("own-key", "", SENDER, None),
    ("legacy", "", fixture_key("legacy", "vault"), "vault secret"),
    ("exports", "secret.asc", SENDER, None),
]


@pytest.mark.parametrize(("name", "file", "key", "passphrase"), USERS, ids=lambda one: str(one)[:9])
class TestAtOnce:
    def test_two_processes(self, name, file, key, passphrase):
        with keyring_copy(name) as directory:
            command = [sys.executable, "-m", "tests.support.operations", directory / file]
            env = environment(PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path]))
            env |= {"TEST_PASSPHRASE": passphrase or ""}
            started = [
                subprocess.Popen(
                    [*command, key.address, "both", "selected", "both"],
                    env=env,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for _ in range(2)
            ]
            said = [process.communicate(timeout=100)[0] for process in started]
        assert said == ["both ok\nselected ok\nboth ok\n"] * 2

    def test_two_threads(self, name, file, key, passphrase):
        with keyring_copy(name) as directory, ThreadPoolExecutor(2) as pool:
            place = directory / file
            work = [pool.submit(both, place, key.address, passphrase=passphrase) for _ in range(4)]
            for one in work:
                one.result()

    def test_two_threads_with_one_object(self, name, file, key, passphrase):
        with keyring_copy(name) as directory, Keyring.open(directory / file) as ring:
            with ThreadPoolExecutor(4) as pool:
                work = [pool.submit(ring.find_signer, key.address) for _ in range(8)]
                assert {one.result().fingerprint for one in work} == {key.fingerprint}
            with ThreadPoolExecutor(2) as pool:
                options = {"passphrase": passphrase}
                for one in [pool.submit(both, ring, key.address, **options) for _ in range(4)]:
                    one.result()
