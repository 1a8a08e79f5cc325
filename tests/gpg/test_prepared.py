"""Prepared homes: what they hold, what they leave untouched, how they are shared and refused."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import CryptoError, KeyringError, TimeLimitError
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.core.situations import Situation
from gpgmail.gpg.judge import judge
from gpgmail.gpg.prepared import Sources, empty_home, prepare
from gpgmail.gpg.runner import execute
from tests.support.keyrings import KEYRINGS, fixture_key, situations

LEGACY = KEYRINGS / "legacy"
PUBLIC, SECRET = LEGACY / "pubring.gpg", LEGACY / "secring.gpg"
VAULT = fixture_key("legacy", "vault")
FILES = [
    (directory, name)
    for directory in ("exports", "exports-protected", "recipients")
    for name in situations()[directory].files
]


def user_ids(home, run, command="--list-keys"):
    result = execute(home, ["--with-colons", command], run=run)
    assert result.ok
    records = [line.split(":") for line in result.output.decode().splitlines()]
    return {record[9] for record in records if record[0] == "uid"}


def uids(situation, *names):
    keys = situations()[situation].keys
    return {uid.uid for name in names or keys for uid in keys[name].uids}


def snapshot(directory):
    return {
        path.relative_to(directory): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def legacy(copy):
    return copy("legacy").directory


def test_a_legacy_directory_works_and_stays_as_it_is(legacy, run):
    before = snapshot(legacy)
    sources = Sources(
        public=(legacy / "pubring.gpg",),
        secret=(legacy / "secring.gpg",),
        trustdb=legacy / "trustdb.gpg",
    )
    with prepare(sources, run) as own:
        assert user_ids(own.home, run) == uids("legacy")
        assert user_ids(own.home, run, "--list-secret-keys") == uids("legacy", "legacy", "vault")
        signer = ["-u", VAULT.fingerprint]
        right = Passphrases({ANY_KEY: Secret(VAULT.passphrase)})
        made = execute(own.home, ["-s", *signer], run=run, source=[b"x"], passphrases=right)
        assert made.ok
        verified = execute(own.home, ["--verify"], run=run, source=[made.output])
        keywords = [line.keyword for line in verified.status]
        assert "TRUST_ULTIMATE" in keywords  # the ownertrust came along
    assert snapshot(legacy) == before


def test_a_prepared_homes_agent_remembers_no_passphrase(run):
    right, wrong = (Passphrases({ANY_KEY: Secret(word)}) for word in (VAULT.passphrase, "wrong"))
    sign = ["--sign", "-u", VAULT.fingerprint]
    with prepare(Sources(secret=(SECRET,)), run) as own:
        for passphrases, works in ((right, True), (wrong, False), (None, False)):
            result = execute(own.home, sign, run=run, source=[b"x"], passphrases=passphrases)
            assert result.ok is works
            assert works or judge(result, Situation.SIGN_FAILED).code is ErrorCode.PGP_PASSPHRASE


@pytest.mark.parametrize(("directory", "name"), FILES)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["path", "bytes"])
def test_every_kind_of_file_of_keys(directory, name, as_bytes, run):
    path = KEYRINGS / directory / name
    content = path.read_bytes() if as_bytes else path
    with prepare(Sources(public=(content,)), run) as own:
        assert user_ids(own.home, run) == uids(directory)
        assert user_ids(own.home, run, "--list-secret-keys") == set()
        assert not list(own.home.directory.glob("private-keys-v1.d/*"))


@pytest.mark.parametrize("name", ["secret.asc", "secret.gpg"])
def test_files_of_secret_keys(name, run):
    with prepare(Sources(secret=(KEYRINGS / "exports" / name,)), run) as own:
        assert user_ids(own.home, run, "--list-secret-keys") == uids("exports")


def test_several_files_are_one_home(run):
    files = (
        "recipients/public.asc",
        "exports/public.kbx",
        "legacy/pubring.gpg",
        "exports/secret.gpg",
    )
    with prepare(Sources(public=tuple(KEYRINGS / file for file in files)), run) as own:
        found = user_ids(own.home, run)
        assert found == uids("recipients") | uids("exports") | uids("legacy")
        for key in (fixture_key("recipients", "bob"), fixture_key("legacy", "rita")):
            encrypt = ["--trust-model=always", "-e", "-r", key.fingerprint]
            assert execute(own.home, encrypt, run=run, source=[b"x"]).ok


def test_several_armored_keys_in_one_file(tmp_path, run):
    parts = [KEYRINGS / name / "public.asc" for name in ("exports", "exports-protected")]
    path = tmp_path / "both.asc"
    path.write_bytes(b"some words\n" + b"\n".join(part.read_bytes() for part in parts))
    with prepare(Sources(public=(path,)), run) as own:
        assert user_ids(own.home, run) == uids("exports") | uids("exports-protected")


@pytest.mark.proves("OpenPGP 101", "OpenPGP 117")
@pytest.mark.parametrize("name", situations()["damaged"].files)
@pytest.mark.parametrize("role", ["public", "secret"])
def test_damaged_files_are_refused_by_name(name, role, copy, run, base):
    directory = copy("damaged").directory
    path = directory / name
    before = snapshot(directory)
    with pytest.raises((KeyringError, CryptoError)) as caught:
        prepare(Sources(**{role: (path,)}), run)
    armored = path.suffix == ".asc"
    code = ErrorCode.PGP_BAD_ARMOR if armored else ErrorCode.PGP_READ_KEY
    assert caught.value.code is code
    assert caught.value.subject == str(path)
    assert snapshot(directory) == before
    assert list(base.iterdir()) == []


def test_armor_of_no_key_at_all_is_no_file_of_secret_keys(tmp_path, run):
    """gpg itself passes over such a packet and reports success."""
    path = tmp_path / "secret.asc"
    path.write_bytes(
        b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n7wF4\n-----END PGP PRIVATE KEY BLOCK-----\n"
    )
    with pytest.raises((KeyringError, CryptoError)) as caught:
        prepare(Sources(secret=(path,)), run)
    assert caught.value.subject == str(path)


@pytest.mark.parametrize("missing", [0, 1, 100])
def test_a_keyring_that_lost_its_end_is_refused(tmp_path, missing, run):
    path = tmp_path / "pubring.gpg"
    data = PUBLIC.read_bytes()
    path.write_bytes(data[: len(data) - missing])
    if not missing:
        prepare(Sources(public=(path,)), run).close()
        return
    with pytest.raises(KeyringError) as caught:
        prepare(Sources(public=(path,)), run)
    assert caught.value.subject == str(path)


@pytest.mark.proves("OpenPGP 115")
@pytest.mark.parametrize("role", ["public", "secret", "trustdb"])
def test_a_file_that_is_not_there(tmp_path, role, run):
    path = tmp_path / "none.gpg"
    with pytest.raises(KeyringError) as caught:
        prepare(Sources(**{role: path if role == "trustdb" else (path,)}), run)
    assert caught.value.code is ErrorCode.PGP_READ_FILE
    assert caught.value.subject == str(path)


def test_something_that_is_no_key(tmp_path, run):
    message = tmp_path / "message.gpg"
    message.write_bytes(b"\xa3\x01\x00\x00")
    with pytest.raises(KeyringError) as caught:
        prepare(Sources(public=(message,)), run)
    assert caught.value.code is ErrorCode.PGP_READ_KEY


def test_one_identity_is_made_once_and_ends_with_its_last_share(tmp_path, run, all_end):
    path = tmp_path / "keys.gpg"
    shutil.copyfile(SECRET, path)
    sources = Sources(secret=(path,))
    first, second = prepare(sources, run), prepare(sources, run)
    made = len(run.started)
    directory = first.home.directory
    assert second.home is first.home
    first.close()
    first.close()
    assert directory.is_dir()
    assert user_ids(second.home, run) == uids("legacy", "legacy", "vault")
    assert len(run.started) == made + 1
    second.close()
    assert not directory.exists()
    assert all_end(str(directory))


def test_a_changed_file_is_another_identity(tmp_path, run):
    path = tmp_path / "keys.gpg"
    shutil.copyfile(KEYRINGS / "exports" / "public.gpg", path)
    with prepare(Sources(public=(path,)), run) as old:
        shutil.copyfile(KEYRINGS / "recipients" / "public.gpg", path)
        with prepare(Sources(public=(path,)), run) as new:
            assert user_ids(new.home, run) == uids("recipients")
            assert user_ids(old.home, run) == uids("exports")


def test_the_home_is_private_and_short(run, legacy):
    with prepare(Sources(public=(PUBLIC,), secret=(SECRET,)), run) as own:
        directory = own.home.directory
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        sockets = [path for path in directory.rglob("S.*") if path.is_socket()]
        assert all(len(os.fsencode(path)) < 104 for path in sockets)
        open_to_others = [path for path in directory.glob("*.gpg") if path.stat().st_mode & 0o077]
        assert open_to_others == []
        asked = ["--no-options", "--lock-never", "--auto-check-trustdb"]
        assert own.home.arguments()[2:] == asked


def test_many_threads_share_one(run):
    sources = Sources(public=(PUBLIC,), secret=(SECRET,))
    shares, errors = [], []

    def work():
        try:
            own = prepare(sources, Run(timeout=20))
            shares.append(own)
            assert len(user_ids(own.home, Run(timeout=20))) == 3
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len({share.home.directory for share in shares}) == 1
    for share in shares:
        share.close()
    assert not shares[0].home.directory.exists()


def test_a_stopped_operation_ends_the_prepared_homes_agent(run, all_end, live):
    def endless():
        while True:
            yield b"x" * 100_000

    with prepare(Sources(secret=(SECRET,)), run) as own:
        agent = f"--homedir {own.home.directory} --use-standard-socket"
        assert live(agent)
        with pytest.raises(TimeLimitError):
            execute(own.home, ["--store"], run=Run(timeout=0.5, absolute=True), source=endless())
        assert all_end(str(own.home.directory), 1)
        assert user_ids(own.home, run, "--list-secret-keys")  # and gpg starts another


def test_no_calibration_second(run):
    with empty_home(run) as own:
        asked = subprocess.run(
            ["gpg-connect-agent", "--homedir", own.home.directory, "GETINFO s2k_count", "/bye"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    assert "65011712" in asked.stdout
