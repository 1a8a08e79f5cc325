"""Keyrings wherever a machine has them: on odd paths, without /run/user, where nobody may write.

Whatever is not possible is refused with its reason, and nothing hangs.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest

import gpgmail
from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import KeyringError
from gpgmail.core.events import Status
from gpgmail.core.run import Run
from gpgmail.gpg.home import Home
from gpgmail.gpg.standing import agent_can_run
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.place import Kind
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy
from tests.support.operations import both, draft, signed, written
from tests.support.places import (
    NO_RUN_USER,
    RUN_USER,
    all_ok,
    needs_mounts,
    operate,
    read_only,
)

SENDER = fixture_key("own-key", "sender")
WHO = SENDER.address
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
PUBLIC = KEYRINGS / "exports" / "public.asc"


def ended(home):
    """End what runs for a home."""
    for order in ("--kill", "--remove-socketdir"):
        what = ["all"] if order == "--kill" else []
        subprocess.run(["gpgconf", "--homedir", home, order, *what], check=False)


@contextmanager
def home_at(name):
    """A home by the given name, in a directory on a short path."""
    with empty_home() as base, keyring_copy("own-key") as copy:
        home = base / name
        home.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(copy, home)
        try:
            yield home
        finally:
            ended(home)


ODD = [
    "with blanks  and 'quotes\"",
    "new\nline",
    "Schlüssel ✓",
    os.fsdecode(b"not\xffutf-8"),
    "-leading",
    "colon:colon",
    "per%20cent%h%%",
    "~tilde",
    "$HOME `id`",
    "gnupg-ring:x",
    "back\\slash",
    "{a,b}*?[",
]


@pytest.mark.parametrize("name", ODD, ids=ascii)
class TestOddPaths:
    def test_home(self, name):
        with home_at(name) as home:
            both(home, WHO)
            signed(home, WHO, passphrase="by an agent of our own")

    def test_file(self, name, tmp_path):
        path = tmp_path / f"{name}.asc"
        shutil.copyfile(PUBLIC, path)
        assert b"PGP MESSAGE" in written(path, WHO, encrypt=True)

    def test_beside_another_home(self, name):
        with home_at(name) as home, keyring_copy("modern") as own:
            shutil.copyfile(KEYRINGS / "recipients" / "public.kbx", home / "pubring.kbx")
            wish = {"sign": True, "encrypt": True, "to": "carol@example.org"}
            assert b"PGP MESSAGE" in written(own, WHO, more_keyrings=[home], **wish)

    def test_the_error_can_be_printed(self, name, tmp_path):
        with pytest.raises(KeyringError) as caught:
            Keyring.open(tmp_path / name / "missing")
        shown = str(caught.value)
        assert shown.encode("utf-8")
        assert "\n" not in shown


class TestPaths:
    def test_relative(self, monkeypatch, tmp_path):
        with home_at("sub/home") as home:
            monkeypatch.chdir(home.parent)
            with Keyring.open("home") as ring:
                monkeypatch.chdir(tmp_path)
                assert ring.find_signer(WHO).fingerprint == SENDER.fingerprint
            monkeypatch.chdir(home)
            for name in ("../home", "./", "../../sub/home/pubring.kbx"):
                with Keyring.open(name) as ring:
                    assert ring.find_recipient(WHO).fingerprint == SENDER.fingerprint

    def test_a_name_with_a_tilde_is_no_user(self, monkeypatch):
        with home_at("~nobody-has-this-name") as home:
            monkeypatch.chdir(home.parent)
            for name in (home.name, f"./{home.name}"):
                with Keyring.open(name) as ring:
                    assert ring.kind is Kind.HOME

    def test_links_are_followed(self, tmp_path):
        with home_at("home") as home:
            (tmp_path / "link").symlink_to(home)
            (tmp_path / "file").symlink_to(home / "pubring.kbx")
            both(tmp_path / "link", WHO)
            with Keyring.open(tmp_path / "file") as ring:
                assert ring.kind is Kind.FILE
                assert ring.find_recipient(WHO).fingerprint == SENDER.fingerprint

    def test_a_link_to_nothing_or_itself(self, tmp_path):
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "gone").symlink_to("nowhere")
        for name in ("loop", "gone"):
            with pytest.raises(KeyringError, match=name):
                Keyring.open(tmp_path / name)

    @pytest.mark.parametrize("name", ["nul\0nul", "x" * 5000, "a" * 300])
    def test_what_is_no_path(self, name, tmp_path):
        with pytest.raises(KeyringError):
            Keyring.open(f"{tmp_path}/{name}")

    def test_an_empty_directory(self, tmp_path):
        with pytest.raises(KeyringError, match="holds no keys"):
            Keyring.open(tmp_path)
        assert list(tmp_path.iterdir()) == []


class TestNoFile:
    """What gives no end, or nothing at all, where a file should be."""

    @pytest.fixture(autouse=True)
    def quickly(self):
        """Interrupt what hangs."""

        def hung(*_):
            raise AssertionError("hangs")

        before = signal.signal(signal.SIGALRM, hung)
        signal.alarm(20)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    @pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom", "/dev/tty"])
    def test_device(self, device):
        with pytest.raises(KeyringError, match="neither a file nor a directory"):
            Keyring.open(device)

    def test_socket(self):
        with socket.socket(socket.AF_UNIX) as one, empty_home() as base:
            one.bind(str(base / "s"))
            with pytest.raises(KeyringError, match="neither a file nor a directory"):
                Keyring.open(base / "s")

    @pytest.mark.parametrize(
        "name", ["pubring.kbx", "pubring.gpg", "secring.gpg", "trustdb.gpg", "gpg.conf"]
    )
    @pytest.mark.parametrize("kind", ["own-key", "legacy"])
    def test_pipe_in_a_directory(self, kind, name):
        with keyring_copy(kind) as home:
            (home / name).unlink(missing_ok=True)
            os.mkfifo(home / name)
            with pytest.raises(KeyringError, match="is no file") as caught:
                Keyring.open(home)
            assert name in str(caught.value)

    def test_pipe_among_secret_keys(self):
        with keyring_copy("own-key") as home:
            os.mkfifo(home / "private-keys-v1.d" / f"{'A' * 40}.key")
            both(home, WHO, passphrase="by an agent of our own")

    def test_the_null_device_in_place_of_options(self):
        with keyring_copy("own-key") as home:
            (home / "gpg.conf").symlink_to(os.devnull)
            both(home, WHO)

    def test_a_pipe_that_takes_the_place_of_a_file(self, tmp_path):
        path = tmp_path / "keys"
        shutil.copyfile(PUBLIC, path)
        with Keyring.open(path) as ring:
            path.unlink()
            os.mkfifo(path)
            with pytest.raises(KeyringError):
                ring.find_recipient(WHO)


class TestOthers:
    @needs_root
    def test_a_home_of_another_user_is_refused_with_the_reason(self, monkeypatch):
        with keyring_copy("own-key") as home:
            os.chown(home, 12345, -1)
            with pytest.raises(KeyringError, match=r"user 12345.*root") as caught:
                Keyring.open(home)
            assert caught.value.code is ErrorCode.PGP_READ_FILE
            assert "run it as user 12345" in str(caught.value)
            before = sorted(path.name for path in home.iterdir())
            monkeypatch.setenv("GNUPGHOME", str(home))
            with gpgmail.Mailer(None) as mailer:
                assert mailer.write(draft(WHO)).copies  # needs no keys
                with pytest.raises(KeyringError, match="user 12345"):
                    mailer.write(draft(WHO), sign=True)
            assert sorted(path.name for path in home.iterdir()) == before

    @needs_root
    def test_files_of_another_user_are_read(self):
        with keyring_copy("legacy") as legacy, keyring_copy("exports") as exports:
            for path in (legacy, exports, *legacy.iterdir(), *exports.iterdir()):
                os.chown(path, 12345, -1)
            assert written(legacy, "legacy@example.org", sign=True, encrypt=True)
            assert written(exports / "secret.asc", WHO, sign=True, encrypt=True)

    def test_a_home_that_others_may_enter_is_used_and_said(self):
        with keyring_copy("own-key") as home, Keyring.open(home) as ring:
            home.chmod(0o755)
            events = []
            assert ring.keys(run=Run(emit=events.append))
            told = [one.message for one in events if isinstance(one, Status)]
            assert [text for text in told if "open to other users" in text and str(home) in text]
            both(home, WHO)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    @pytest.mark.parametrize("inside", [False, True])
    def test_without_permission(self, inside):
        with keyring_copy("own-key") as home:
            what = home / "pubring.kbx" if inside else home
            what.chmod(0)
            with pytest.raises(KeyringError, match="Permission denied"):
                Keyring.open(home).keys()
            what.chmod(0o700)

    @needs_root
    def test_without_permission_as_another_user(self):
        with keyring_copy("own-key") as home:
            child = os.fork()
            if child == 0:
                os.setuid(12345)
                try:
                    Keyring.open(home)
                except KeyringError as error:
                    os._exit(0 if "Permission denied" in str(error) else 2)
                os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class TestReadOnly:
    @needs_mounts
    @pytest.mark.parametrize("runtime", [NO_RUN_USER, RUN_USER], ids=["no-run-user", "run-user"])
    def test_everything_works_on_a_read_only_file_system(self, runtime):
        with keyring_copy("own-key") as home:
            end = f"gpgconf --homedir {home} --kill all"
            got = operate(home, WHO, mounts=f"{runtime}; {read_only(home)}", end=end)
        assert got == all_ok()

    @needs_mounts
    def test_so_it_does_for_legacy_directories_and_files(self):
        with keyring_copy("legacy") as legacy, keyring_copy("exports") as exports:
            mounts = f"{read_only(legacy)}; {read_only(exports)}"
            assert operate(legacy, "legacy@example.org", "both", mounts=mounts) == all_ok("both")
            got = operate(exports / "secret.asc", WHO, "both", mounts=mounts)
        assert got == all_ok("both")

    @needs_mounts
    def test_a_passphrase_and_an_old_ring_there(self):
        locked = fixture_key("protected", "locked")
        vault = fixture_key("upgraded", "vault")
        for name, key in (("protected", locked), ("upgraded", vault)):
            with keyring_copy(name) as home:
                mounts = f"{NO_RUN_USER}; {read_only(home)}"
                given = {"TEST_PASSPHRASE": key.passphrase}
                got = operate(home, key.address, "both", "selected", mounts=mounts, **given)
            assert got == all_ok("both", "selected")

    @needs_mounts
    def test_trust_is_known_where_its_database_is_not_up_to_date(self):
        """As after `gpg --lsign-key` elsewhere: gpg would check, and write what it found."""
        with keyring_copy("modern") as home:
            alice = fixture_key("modern", "alice").fingerprint
            for value in (2, 6):  # not known, and trusted: the check is pending then
                subprocess.run(
                    ["gpg", "--homedir", home, "--batch", "--import-ownertrust"],
                    input=f"{alice}:{value}:\n".encode(),
                    check=True,
                    capture_output=True,
                )
            got = operate(home, "alice@example.org", "trusted", mounts=read_only(home))
        assert got == all_ok("trusted")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_directory_without_the_right_to_write(self):
        with keyring_copy("own-key") as home:
            home.chmod(0o500)
            try:
                both(home, WHO)
            finally:
                home.chmod(0o700)


class TestBareMachine:
    def test_without_home_and_runtime_directory(self):
        with keyring_copy("own-key") as home:
            assert operate("", WHO, GNUPGHOME=str(home)) == all_ok()

    def test_files_need_no_home(self):
        path = KEYRINGS / "exports" / "secret.asc"
        got = operate(path, WHO, "listed", "both", HOME="/nonexistent")
        assert got == all_ok("listed", "both")

    @needs_mounts
    def test_a_protected_home_says_so_where_it_is_needed_only(self, tmp_path):
        """What systemd's ProtectHome=yes makes: home directories that nobody can look into."""
        hidden = f"mount -t tmpfs -o mode=000,ro none {tmp_path}; {NO_RUN_USER}"
        got = operate("", WHO, "both", mounts=hidden, HOME=str(tmp_path))
        assert got["both"].startswith("KeySelectionError")
        path = KEYRINGS / "exports" / "secret.gpg"
        got = operate(path, WHO, "both", mounts=hidden, HOME=str(tmp_path))
        assert got == all_ok("both")


DEEP = "deep" * 25  # with its base longer than a socket's path may be


class TestLongPaths:
    def test_home_on_a_path_that_is_too_long_for_sockets(self):
        with home_at(f"{DEEP}/home") as home:
            assert len(os.fsencode(home / "S.gpg-agent")) > 108
            both(home, WHO)
            both(home, WHO, passphrase="by an agent of our own")

    @needs_mounts
    def test_its_own_agent_is_taken_where_there_is_a_runtime_directory(self):
        with home_at(f"{DEEP}/home") as home:
            end = f"gpgconf --homedir {home} --kill all"
            got = operate(home, WHO, "listed", "both", mounts=RUN_USER, end=end)
        assert got == all_ok("listed", "both")

    def test_legacy_directories_and_files_there(self):
        with empty_home() as base:
            deep = base / DEEP / DEEP
            shutil.copytree(KEYRINGS / "legacy", deep)
            both(deep, "legacy@example.org")
            shutil.copyfile(KEYRINGS / "exports" / "secret.asc", deep / "secret.asc")
            both(deep / "secret.asc", WHO)

    def test_an_agent_is_used_that_the_user_has_elsewhere(self):
        with home_at(f"{DEEP}/home") as home:
            assert not agent_can_run(Home(directory=home))
            (home / "S.gpg-agent").write_text("%Assuan%\nsocket=/run/agent\n")
            assert agent_can_run(Home(directory=home))

    def test_where_the_longest_path_is(self):
        """At the last length at which gpg's own agent starts, and one beyond it."""
        with empty_home() as base:
            for longest, works in ((106, True), (107, False)):
                room = longest - len(os.fsencode(base / "S.gpg-agent.browser")) - 1
                home = base / ("x" * room)
                home.mkdir(mode=0o700)
                assert len(os.fsencode(home / "S.gpg-agent.browser")) == longest
                command = ["gpg-connect-agent", "--homedir", home, "GETINFO pid", "/bye"]
                started = subprocess.run(command, capture_output=True, check=False).stdout
                assert started.startswith(b"D ") == works == agent_can_run(Home(directory=home))
                ended(home)


class TestAgentAtWork:
    def test_keys_that_the_users_agent_has_in_its_cache(self):
        """No passphrase is asked for; the agent that was there is the one that goes on."""
        locked = fixture_key("protected", "locked")
        with keyring_copy("protected") as home:
            gpg = ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback"]
            gpg += ["--passphrase", locked.passphrase, "-u", locked.fingerprint, "--clearsign"]
            subprocess.run(gpg, input=b"x", check=True, capture_output=True)
            before = agent_of(home)
            both(home, locked.address)
            assert agent_of(home) == before
            with pytest.raises(gpgmail.GpgmailError) as caught:
                written(home, locked.address, sign=True, passphrase="wrong")
            assert caught.value.code is ErrorCode.PGP_PASSPHRASE
            both(home, locked.address)
            assert agent_of(home) == before


def agent_of(home):
    """The number of the agent's process."""
    command = ["gpg-connect-agent", "--no-autostart", "--homedir", home, "GETINFO pid", "/bye"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_a_pipe_with_a_writer_is_not_read(tmp_path):
    """Nobody is made to wait, neither we nor whoever writes into it."""
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(
        target=lambda: (tmp_path / "pipe").write_bytes(PUBLIC.read_bytes()), daemon=True
    )
    thread.start()
    began = time.monotonic()
    with pytest.raises(KeyringError, match="neither a file nor a directory"):
        Keyring.open(tmp_path / "pipe")
    assert time.monotonic() - began < 5
    assert (tmp_path / "pipe").read_bytes() == PUBLIC.read_bytes()
    thread.join()
