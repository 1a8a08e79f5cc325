"""Keyrings of every kind: one face, nothing changed in any place, every refusal explained."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import (
    GpgmailError,
    KeyringError,
    KeySelectionError,
    PassphraseError,
    UsageError,
)
from gpgmail.core.passphrases import ANY_KEY, Passphrases
from gpgmail.core.run import Run
from gpgmail.core.secret import Secret
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.place import Kind
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy, situations

VALUE = Passphrases({ANY_KEY: Secret("not needed")})
# What may have become of a keybox; where it ends after 32 bytes it is an empty one.
GARBLED = {
    "cut": lambda keybox: keybox[:-40],
    "cut in its first key": lambda keybox: keybox[:50],
    "zeros behind its head": lambda keybox: keybox[:32] + bytes(500),
    "garbage behind its head": lambda keybox: keybox[:32] + b"\x00\x00\x01\x99garbage" * 50,
    "a key of garbage": lambda keybox: keybox[:180] + b"\x55" * (len(keybox) - 180),
    "no end of its first blob": lambda keybox: b"\xff" + keybox[1:],
}
GARBLED_HOMES = GARBLED | {
    "zeros": lambda keybox: bytes(len(keybox)),
    "text": lambda _: b"hello\n" * 50,
    "what begins like a packet": lambda _: b"\x99\xff\xff" + bytes(50),
    "a packet that is no key": lambda _: b"\xcb\x0bt\0\0\0\0\0hello",
}
DAMAGED = sorted(path.name for path in (KEYRINGS / "damaged").iterdir())
FILES = ["public.gpg", "public.asc", "public.kbx"]
SENDER = fixture_key("exports", "sender")


@pytest.fixture
def run():
    return Run(timeout=30)


@pytest.fixture
def keyring():
    """Open a copy of a situation, or a file in it."""
    with _Copies() as copies:
        yield copies.open


class _Copies:
    def __init__(self):
        self._open = []

    def __enter__(self):
        return self

    def open(self, name, file="", *, as_bytes=False):
        copy = keyring_copy(name)
        path = copy.__enter__() / file
        ring = Keyring.open(path.read_bytes() if as_bytes else path)
        self._open.append((ring, copy))
        return ring

    def __exit__(self, *args):
        for ring, copy in self._open:
            ring.close()
            copy.__exit__(*args)


def fingerprints(keys):
    return {key.fingerprint for key in keys}


def expected(name):
    return {key.fingerprint for key in situations()[name].keys.values()}


def snapshot(directory):
    """Every file with content, size, mode and time of change."""
    return {
        path.relative_to(directory).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in directory.rglob("*")
        if path.is_file()
    } | {
        path.relative_to(directory).as_posix(): "other"
        for path in (directory, *directory.rglob("*"))
        if not path.is_file()
    }


class TestKinds:
    @pytest.mark.parametrize(
        "name", [name for name, one in situations().items() if one.kind in ("home", "legacy")]
    )
    def test_directory(self, name, keyring):
        ring = keyring(name)
        assert ring.kind == situations()[name].kind
        assert fingerprints(ring.keys()) == expected(name)

    @pytest.mark.parametrize("as_bytes", [False, True])
    @pytest.mark.parametrize("file", [*FILES, "secret.gpg", "secret.asc"])
    def test_file_or_bytes(self, file, as_bytes, keyring):
        ring = keyring("exports", file, as_bytes=as_bytes)
        assert ring.kind is Kind.FILE
        assert fingerprints(ring.keys()) == {SENDER.fingerprint}

    @pytest.mark.parametrize("file", ["pubring.gpg", "secring.gpg"])
    def test_one_file_of_a_legacy_directory(self, file, keyring):
        found = fingerprints(keyring("legacy", file).keys())
        assert fixture_key("legacy", "vault").fingerprint in found

    def test_files_of_many_keys(self, keyring):
        for file in FILES:
            assert fingerprints(keyring("recipients", file).keys()) == expected("recipients")

    def test_armor_after_other_text(self, tmp_path):
        path = tmp_path / "key.txt"
        path.write_bytes(b"Here it is:\n\n" + (KEYRINGS / "exports" / "public.asc").read_bytes())
        with Keyring.open(str(path)) as ring:
            assert fingerprints(ring.keys()) == {SENDER.fingerprint}

    @pytest.mark.parametrize("as_bytes", [False, True])
    @pytest.mark.parametrize("form", ["asc", "gpg"])
    @pytest.mark.parametrize(
        "parts",
        [
            ("exports/public", "exports/secret"),  # a backup of a key
            ("exports/secret", "exports/public"),
            ("recipients/public", "exports/secret"),
            ("exports/secret", "recipients/public"),
            ("exports/public", "recipients/public", "exports/secret"),
        ],
        ids=" ".join,
    )
    def test_a_file_with_public_and_secret_keys(self, parts, form, as_bytes, tmp_path):
        path = tmp_path / "keys"
        path.write_bytes(b"".join((KEYRINGS / f"{part}.{form}").read_bytes() for part in parts))
        others = expected("recipients") if "recipients/public" in parts else set()
        with Keyring.open(path.read_bytes() if as_bytes else path) as ring:
            found = ring.keys()
            assert sorted(key.fingerprint for key in found) == sorted(
                {SENDER.fingerprint, *others}
            )  # each once
            assert ring.find_signer("").fingerprint == SENDER.fingerprint
            assert ring.find_recipient(SENDER.address).fingerprint == SENDER.fingerprint
            secret = {
                k.fingerprint for k in ring.keys(secret=True) if any(p.secret for p in k.parts)
            }
            assert secret == {SENDER.fingerprint}

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
    @pytest.mark.parametrize("name", ["public.asc", "secret.asc"])
    def test_armor_as_windows_saves_it(self, name, encoding, tmp_path):
        """PowerShell's `gpg --export --armor > file` writes UTF-16, an editor a mark."""
        text = (KEYRINGS / "exports" / name).read_text().replace("\n", "\r\n")
        mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
        (tmp_path / name).write_bytes(mark + text.encode(encoding))
        with Keyring.open(tmp_path / name) as ring:
            assert fingerprints(ring.keys()) == {SENDER.fingerprint}
            if name == "secret.asc":
                assert ring.find_signer("").fingerprint == SENDER.fingerprint

    def test_newer_key_of_an_upgraded_home_is_seen(self, keyring):
        for name, newer in (("upgraded", "newer-than-upgrade"), ("upgraded-kbx", "boxed")):
            key = fixture_key(name, newer)
            assert keyring(name).find_signer(key.address).fingerprint == key.fingerprint

    def test_tilde(self, monkeypatch):
        with keyring_copy("own-key") as home:
            monkeypatch.setenv("HOME", str(home.parent))
            with Keyring.open(f"~/{home.name}") as ring:
                assert fingerprints(ring.keys()) == {SENDER.fingerprint}


class TestOwnHome:
    def test_environment(self, monkeypatch):
        with keyring_copy("own-key") as home:
            monkeypatch.setenv("GNUPGHOME", str(home))
            for nothing in (None, ""):
                with Keyring.open(nothing) as ring:
                    assert ring.kind is Kind.HOME
                    assert fingerprints(ring.keys()) == {SENDER.fingerprint}

    def test_absent_one_is_empty_and_is_not_made(self, monkeypatch, tmp_path, run):
        monkeypatch.setenv("HOME", str(tmp_path))
        with Keyring.open() as ring:
            assert ring.kind is Kind.ABSENT
            assert ring.keys() == ()
            assert ring.keyring_files(run) == ()
            assert ring.secret_home(run).prepared
            with pytest.raises(KeySelectionError, match=r"\.gnupg"):
                ring.find_recipient("a@example.org")
        assert list(tmp_path.iterdir()) == []

    def test_one_without_keys_stays_without_files(self, monkeypatch, tmp_path):
        tmp_path.chmod(0o700)
        (tmp_path / "gpg.conf").write_text("# nothing\n")
        monkeypatch.setenv("GNUPGHOME", str(tmp_path))
        with Keyring.open() as ring:
            assert ring.keys() == ()
        assert [path.name for path in tmp_path.iterdir()] == ["gpg.conf"]

    def test_legacy_one_is_not_given_to_gpg(self, monkeypatch):
        with keyring_copy("legacy") as home:
            monkeypatch.setenv("GNUPGHOME", str(home))
            before = snapshot(home)
            with Keyring.open() as ring:
                assert ring.kind is Kind.LEGACY
                assert fingerprints(ring.keys(secret=True)) == expected("legacy")
            assert snapshot(home) == before

    def test_without_any_home(self, monkeypatch):
        def nobody():
            raise RuntimeError("no entry in the password file")

        monkeypatch.setattr("pathlib.Path.home", nobody)
        with pytest.raises(GpgmailError, match="set GNUPGHOME or HOME"):
            Keyring.open()


class TestRefusedPlaces:
    @pytest.mark.parametrize("file", DAMAGED)
    @pytest.mark.parametrize("as_bytes", [False, True])
    def test_damaged(self, file, as_bytes):
        path = KEYRINGS / "damaged" / file
        with pytest.raises(GpgmailError) as caught:
            Keyring.open(path.read_bytes() if as_bytes else path).keys("alice@example.org")
        assert caught.value.code in (ErrorCode.PGP_READ_KEY, ErrorCode.PGP_BAD_ARMOR)
        assert ("keys given as bytes" if as_bytes else str(path)) in str(caught.value)

    def test_nothing_there(self, tmp_path):
        with pytest.raises(GpgmailError) as caught:
            Keyring.open(tmp_path / "missing")
        assert caught.value.code is ErrorCode.PGP_READ_FILE
        assert str(tmp_path / "missing") in str(caught.value)

    def test_directory_without_keys(self, tmp_path):
        with pytest.raises(GpgmailError, match="holds no keys") as caught:
            Keyring.open(tmp_path)
        assert str(tmp_path) in str(caught.value)

    def test_legacy_directory_with_empty_rings(self, tmp_path):
        (tmp_path / "pubring.gpg").touch()
        (tmp_path / "secring.gpg").touch()
        with pytest.raises(GpgmailError, match="holds no keys"):
            Keyring.open(tmp_path)

    def test_empty_secret_ring_beside_a_public_one(self, tmp_path):
        shutil.copyfile(KEYRINGS / "legacy" / "pubring.gpg", tmp_path / "pubring.gpg")
        (tmp_path / "secring.gpg").touch()
        with Keyring.open(tmp_path) as ring:
            assert ring.kind is Kind.LEGACY
            assert fingerprints(ring.keys(secret=True)) == expected("legacy-public")

    def test_pipe(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(GpgmailError, match="neither a file nor a directory"):
            Keyring.open(tmp_path / "pipe")

    @pytest.mark.parametrize("name", GARBLED_HOMES)
    def test_damaged_home(self, name):
        with keyring_copy("own-key") as home:
            keybox = home / "pubring.kbx"
            keybox.write_bytes(GARBLED_HOMES[name](keybox.read_bytes()))
            for ask in (Keyring.keys, Keyring.find_signer, Keyring.find_recipient):
                with Keyring.open(home) as ring, pytest.raises(KeyringError) as caught:
                    ask(ring, SENDER.address)
                assert caught.value.code is ErrorCode.PGP_READ_FILE
                assert caught.value.subject == str(keybox)

    @pytest.mark.parametrize("name", GARBLED)
    def test_damaged_keybox_as_a_file(self, name, tmp_path):
        path = tmp_path / "keys.kbx"
        with keyring_copy("own-key") as home:
            path.write_bytes(GARBLED[name]((home / "pubring.kbx").read_bytes()))
        with pytest.raises(KeyringError) as caught, Keyring.open(path) as ring:
            ring.find_recipient(SENDER.address)
        assert caught.value.code is ErrorCode.PGP_READ_KEY
        assert caught.value.subject == str(path)

    def test_keybox_without_the_key_is_not_damaged(self, keyring):
        for ring in (keyring("own-key"), keyring("modern")):
            assert ring.keys("nobody@example.org") == ()
        with keyring_copy("own-key") as home:
            keybox = home / "pubring.kbx"
            head = keybox.read_bytes()[:32]
            exported = Path(KEYRINGS / "exports" / "public.gpg").read_bytes()
            for content in (b"", head, exported):  # gpg takes a ring by that name too
                keybox.write_bytes(content)
                with Keyring.open(home) as ring:
                    assert ring.keys("nobody@example.org") == ()

    @pytest.mark.parametrize(
        "where",
        [5, 1.5, ["~/.gnupg"], object(), io.BytesIO(b"x")],
        ids=lambda one: type(one).__name__,
    )
    def test_what_is_no_place(self, where):
        with pytest.raises(UsageError, match=f"keyring: .* not {type(where).__name__}"):
            Keyring.open(where)

    def test_bytes_of_any_type(self):
        exported = Path(KEYRINGS / "exports" / "public.gpg").read_bytes()
        for kind in (bytearray, memoryview):
            with Keyring.open(kind(exported)) as ring:
                assert ring.kind is Kind.FILE


ROWS = [
    ("expired", "expired", ErrorCode.KEY_UNUSABLE, "the key is expired"),
    ("revoked", "revoked", ErrorCode.KEY_UNUSABLE, "the key is revoked"),
    ("disabled", "disabled", ErrorCode.KEY_UNUSABLE, "the key is disabled"),
    ("expired-subkey", "stale", ErrorCode.KEY_UNUSABLE, "its encryption subkey is expired"),
    ("no-encryption", "signonly", ErrorCode.PGP_KEY_USAGE, "no encryption subkey"),
    ("modern", "carol", ErrorCode.KEY_UNTRUSTED, "is unknown"),
]


class TestRecipients:
    @pytest.mark.parametrize(("name", "who", "code", "reason"), ROWS)
    def test_refused(self, name, who, code, reason, keyring):
        key = fixture_key(name, who)
        with pytest.raises(KeySelectionError) as caught:
            keyring(name).find_recipient(key.address)
        assert caught.value.code is code
        for words in (key.address, key.fingerprint, reason):
            assert words in str(caught.value)

    @pytest.mark.parametrize("name", ["modern", "legacy", "own-key"])
    def test_not_there(self, name, keyring):
        ring = keyring(name)
        with pytest.raises(KeySelectionError, match=r"nobody@example\.org") as caught:
            ring.find_recipient("nobody@example.org")
        assert caught.value.code is ErrorCode.PGP_KEY_NOT_FOUND
        assert ring.name in str(caught.value)

    def test_two_keys(self, keyring):
        ring = keyring("two-keys-one-address")
        for find in (ring.find_recipient, ring.find_signer):
            with pytest.raises(KeySelectionError) as caught:
                find("twin@example.org")
            assert caught.value.code is ErrorCode.KEY_AMBIGUOUS
            found = {candidate.fingerprint for candidate in caught.value.candidates}
            assert found == expected("two-keys-one-address")
            assert all(fingerprint in str(caught.value) for fingerprint in found)

    def test_usable_beside_expired(self, keyring):
        new = fixture_key("expired-beside-usable", "new")
        ring = keyring("expired-beside-usable")
        assert ring.find_recipient(new.address).fingerprint == new.fingerprint
        assert ring.find_signer(new.address).fingerprint == new.fingerprint

    def test_only_the_valid_user_id(self, keyring):
        dana = fixture_key("uid-unsigned", "dana")
        ring = keyring("uid-unsigned")
        assert ring.find_recipient("dana@example.org").fingerprint == dana.fingerprint
        with pytest.raises(KeySelectionError, match="claimed") as caught:
            ring.find_recipient("dana@claimed.example.org")
        assert caught.value.code is ErrorCode.KEY_UNTRUSTED
        for way_out in (
            ring.find_recipient("dana@claimed.example.org", trust="always"),
            ring.find_recipient(dana.fingerprint),
        ):
            assert way_out.fingerprint == dana.fingerprint

    def test_revoked_user_id(self, keyring):
        ring = keyring("uid-revoked")
        assert ring.find_recipient("dora@example.org")
        with pytest.raises(KeySelectionError, match="is revoked"):
            ring.find_recipient("dora@left.example.org")

    def test_pinned(self, keyring, tmp_path):
        carol = fixture_key("modern", "carol")
        (tmp_path / "pins").write_text(f"carol@example.org {carol.fingerprint}\n")
        ring, trust = keyring("modern"), f"pinned:{tmp_path / 'pins'}"
        assert ring.find_recipient("carol@example.org", trust=trust).key.user_id.startswith("Carol")
        with pytest.raises(KeySelectionError, match="pins no key"):
            ring.find_recipient("alice@example.org", trust=trust)

    def test_file_is_trusted_and_a_legacy_directory_by_its_trustdb(self, keyring):
        assert keyring("recipients", "public.asc").find_recipient("carol@example.org")
        rita = fixture_key("legacy", "rita")
        assert keyring("legacy").find_recipient("rita@example.org").fingerprint == rita.fingerprint
        with pytest.raises(KeySelectionError) as caught:
            keyring("legacy-public").find_recipient("rita@example.org")
        assert caught.value.code is ErrorCode.KEY_UNTRUSTED

    def test_other_case_of_the_address(self, keyring):
        ring = keyring("several-uids")
        assert ring.find_recipient("zoe.many@SUB.example.org").user_id.startswith("Zoë")
        assert ring.find_recipient("Zoë Mañy").user_id.startswith("Zoë")

    def test_freshly_trusted_key(self, keyring):
        """gpg checks the trust database when a listing needs it."""
        ring = keyring("modern")
        carol = fixture_key("modern", "carol").fingerprint
        with pytest.raises(KeySelectionError):
            ring.find_recipient("carol@example.org")
        gpg = ["gpg", "--homedir", ring.name, "--batch"]
        trust = f"{carol}:6:\n".encode()
        subprocess.run([*gpg, "--import-ownertrust"], input=trust, check=True, capture_output=True)
        assert ring.find_recipient("carol@example.org").fingerprint == carol


class TestSigners:
    @pytest.mark.parametrize(
        ("name", "file"),
        [
            ("own-key", ""),
            ("legacy", ""),
            ("legacy-secret", ""),
            ("legacy", "secring.gpg"),
            ("exports", "secret.gpg"),
            ("exports", "secret.asc"),
        ],
    )
    def test_found_where_the_secret_key_is(self, name, file, keyring):
        ring = keyring(name, file)
        who = fixture_key("legacy", "legacy") if name.startswith("legacy") else SENDER
        for query in (who.address, who.fingerprint, who.fingerprint[-16:], ""):
            selection = ring.find_signer(query)
            assert selection.fingerprint == who.fingerprint
            assert "s" in selection.subkey.capabilities

    @pytest.mark.parametrize("file", FILES)
    def test_public_file_cannot_sign(self, file, keyring):
        with pytest.raises(KeySelectionError, match="its secret key is not here"):
            keyring("exports", file).find_signer(SENDER.address)

    def test_signing_subkey(self, keyring):
        key = fixture_key("signing-subkey", "subsigner")
        signing = next(part for part in key.subkeys if part.capabilities == "s")
        for name in ("signing-subkey", "offline-primary"):
            assert keyring(name).find_signer(key.address).subkey.fingerprint == signing.fingerprint

    def test_subkey_id_finds_its_key(self, keyring):
        key = fixture_key("signing-subkey", "subsigner")
        for part in key.subkeys:
            found = keyring("signing-subkey").find_signer(part.fingerprint[-16:])
            assert found.fingerprint == key.fingerprint

    def test_expired(self, keyring):
        with pytest.raises(KeySelectionError, match="the key is expired") as caught:
            keyring("expired").find_signer("expired@example.org")
        assert caught.value.code is ErrorCode.KEY_UNUSABLE


def use_every_way(ring, key, run, passphrases):
    """Everything that a keyring is for, real signing and encrypting included."""
    ring.keys()
    ring.keyring_files(run)
    public = ring.public_home(run)
    assert "PUBLIC KEY BLOCK" in ring.export_public(key, run)
    gpg(public, "--trust-model", "always", "--encrypt", "--recipient", key)
    secret = ring.secret_home(run, passphrases)
    if any(one.secret_available for one in ring.keys(key, secret=True)):
        signer = ring.find_signer(key, run)
        gpg(secret, "--local-user", f"{signer.subkey.fingerprint}!", "--detach-sign")
        assert "PRIVATE KEY BLOCK" in ring.export_secret(key, run, passphrases)


def gpg(home, *arguments):
    command = ["gpg", *home.arguments(), "--batch", "--pinentry-mode", "loopback"]
    command += ["--passphrase", "", *arguments]
    ran = subprocess.run(command, input=b"text", capture_output=True, check=True)
    assert ran.stdout


READ_ONLY = [
    ("legacy", ""),
    ("legacy-public", ""),
    ("legacy-secret", ""),
    ("legacy", "pubring.gpg"),
    ("legacy", "secring.gpg"),
    *(("exports", file) for file in situations()["exports"].files),
]


class TestNothingChanges:
    @pytest.mark.parametrize("writable", [True, False])
    @pytest.mark.parametrize(("name", "file"), READ_ONLY)
    def test_legacy_and_files(self, name, file, writable, run):
        key = fixture_key("legacy", "legacy") if name.startswith("legacy") else SENDER
        with keyring_copy(name) as place:
            place.chmod(0o700 if writable else 0o500)
            before = snapshot(place)
            with Keyring.open(place / file) as ring:
                use_every_way(ring, key.fingerprint, run, Passphrases())
                assert snapshot(place) == before
            assert snapshot(place) == before
            place.chmod(0o700)

    @pytest.mark.parametrize("passphrases", [Passphrases(), VALUE], ids=["silent", "value"])
    @pytest.mark.parametrize(
        ("name", "who"),
        [
            ("own-key", "sender"),
            ("modern", "sender"),
            ("upgraded", "newer-than-upgrade"),
            ("upgraded-kbx", "boxed"),
        ],
    )
    def test_keys_of_a_home(self, name, who, passphrases, run):
        with keyring_copy(name) as place:
            before = kept(place)
            with Keyring.open(place) as ring:
                use_every_way(ring, fixture_key(name, who).fingerprint, run, passphrases)
            assert kept(place) == before

    def test_key_that_its_agent_would_write_anew(self, run):
        """An upgrade leaves keys in a form that the agent replaces at their first use."""
        with keyring_copy("upgraded-kbx") as place:
            before = kept(place)
            with Keyring.open(place) as ring:
                key = fixture_key("upgraded-kbx", "legacy").fingerprint
                use_every_way(ring, key, run, VALUE)
            assert kept(place) == before

    def test_home_that_gpg_would_migrate(self, run):
        """An old secret ring beside a home's files: any use of it would begin by moving keys."""
        with keyring_copy("own-key") as place:
            shutil.copyfile(KEYRINGS / "legacy" / "secring.gpg", place / "secring.gpg")
            before = kept(place)
            for passphrases in (Passphrases(), VALUE):
                with Keyring.open(place) as ring:
                    assert ring.kind is Kind.HOME
                    assert ring.find_signer("").fingerprint == SENDER.fingerprint
                    use_every_way(ring, SENDER.fingerprint, run, passphrases)
            assert kept(place) == before
            assert not (place / ".gpg-v21-migrated").exists()


def kept(home):
    """What stays as it is in a modern home: keys, not trust database, seed, locks and sockets."""
    return {
        name: facts
        for name, facts in snapshot(home).items()
        if name.startswith(("pubring", "private-keys-v1.d", "secring"))
    }


class TestHomes:
    def test_home_itself_for_the_users_agent(self, keyring, run):
        ring = keyring("own-key")
        home = ring.secret_home(run, Passphrases())
        assert str(home.directory) == ring.name
        assert not home.prepared

    def test_private_agent_for_a_value_or_handler(self, keyring, run):
        ring = keyring("own-key")
        for passphrases in (VALUE, Passphrases(ask=lambda _event: None)):
            home = ring.secret_home(run, passphrases)
            assert home.prepared
            assert str(home.directory) != ring.name

    def test_public_use_copies_no_secret_key(self, keyring, run):
        for name, file in (("legacy", ""), ("exports", "secret.gpg"), ("exports", "secret.asc")):
            ring = keyring(name, file)
            ring.find_recipient(next(iter(expected(name if file == "" else "exports"))))
            directory = ring.public_home(run).directory
            assert not list((directory / "private-keys-v1.d").glob("*"))

    def test_closed_means_gone(self, keyring, run):
        ring = keyring("legacy")
        homes = [ring.public_home(run).directory, ring.secret_home(run).directory]
        assert all(stat.S_IMODE(home.stat().st_mode) == 0o700 for home in homes)
        ring.close()
        assert not any(home.exists() for home in homes)
        assert ring.keys("legacy@example.org")

    def test_nothing_is_read_before_a_value_is_wanted(self, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        for name in ("modern", "legacy", "exports/public.asc"):
            with Keyring.open(KEYRINGS / name) as ring:
                assert ring.name.endswith(name)
                with pytest.raises(GpgmailError, match="/nowhere"):
                    ring.keys("nobody")

    def test_new_content_of_a_file_is_seen(self, tmp_path):
        path = tmp_path / "keys"
        shutil.copyfile(KEYRINGS / "recipients" / "public.gpg", path)
        with Keyring.open(path) as ring:
            assert ring.find_recipient("bob@example.org")
            shutil.copyfile(KEYRINGS / "exports" / "public.asc", path)
            assert ring.find_recipient(SENDER.address)


class TestBesideAnotherHome:
    @pytest.mark.parametrize(
        ("name", "file"),
        [
            ("modern", ""),
            ("legacy", ""),
            ("upgraded", ""),
            ("upgraded-kbx", ""),
            *(("recipients", file) for file in FILES),
            ("exports", "secret.asc"),
        ],
    )
    def test_gpg_finds_the_keys(self, name, file, keyring, run):
        files = keyring(name, file).keyring_files(run)
        with empty_home() as home:
            command = ["gpg", "--homedir", home, "--with-colons"]
            for path in files:
                command += ["--keyring", path]
            listed = subprocess.run(
                [*command, "--list-keys"], capture_output=True, check=True, text=True
            ).stdout
        assert all(fingerprint in listed for fingerprint in expected(name))

    def test_deleted_key_of_an_old_ring_is_not_offered(self, keyring, run):
        """pubring.gpg stays behind after a move to a keybox; gpg no longer reads it."""
        files = keyring("upgraded-kbx").keyring_files(run)
        assert [path.name for path in files] == ["pubring.kbx"]

    def test_keyboxd_is_seen_and_exported_from(self, run):
        """gpg 2.2 knows no keyboxd and goes on reading pubring.kbx, which serves for the test."""
        with keyring_copy("modern") as home:
            (home / "public-keys.d").mkdir()
            with Keyring.open(home) as ring:
                assert ring.has_keyboxd
                alice = fixture_key("modern", "alice").fingerprint
                (path,) = ring.keyring_files(run, [alice])
                assert home not in path.parents
                with Keyring.open(path) as exported:
                    assert fingerprints(exported.keys()) == {alice}


class TestExport:
    def test_secret_key_keeps_its_passphrase(self, keyring, run):
        ring = keyring("protected")
        locked = fixture_key("protected", "locked")
        right = Passphrases({ANY_KEY: Secret(locked.passphrase)})
        exported = ring.export_secret(locked.fingerprint, run, right)
        assert locked.passphrase not in exported
        with Keyring.open(exported.encode()) as copy, pytest.raises(PassphraseError):
            copy.export_secret(locked.fingerprint, run, Passphrases({ANY_KEY: Secret("wrong one")}))

    @pytest.mark.parametrize("passphrase", ["wrong", ""])
    def test_wrong_or_no_passphrase(self, passphrase, keyring, run):
        values = {ANY_KEY: Secret(passphrase)} if passphrase else {}
        with pytest.raises(PassphraseError) as caught:
            keyring("protected").export_secret(
                fixture_key("protected", "locked").fingerprint, run, Passphrases(values)
            )
        assert caught.value.code is ErrorCode.PGP_PASSPHRASE

    def test_missing(self, keyring, run):
        for export in (keyring("own-key").export_public, keyring("own-key").export_secret):
            with pytest.raises(GpgmailError, match="A" * 40):
                export("A" * 40, run)


class TestCost:
    def test_only_the_query_is_asked_for(self, tmp_path, run):
        """A full listing takes time for every key, 700 ms for 400 of them."""
        log = _log_of_gpg(tmp_path)
        with keyring_copy("modern") as home, pytest.MonkeyPatch.context() as env:
            env.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
            with Keyring.open(home) as ring:
                ring.find_recipient("alice@example.org", run)
                ring.find_recipient(fixture_key("modern", "bob").fingerprint, run)
        listings = [line for line in log.read_text().splitlines() if "--list-keys" in line]
        assert [line.rpartition(" -- ")[2] for line in listings] == [
            "*alice@example.org",
            f"0x{fixture_key('modern', 'bob').fingerprint}",
        ]


def _log_of_gpg(directory):
    log = directory / "log"
    script = directory / "gpg"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {shutil.which("gpg")} "$@"\n')
    script.chmod(0o700)
    return log
