"""Validity as real gpg computes it: what is taken, which command is named, and when it counts."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

import pytest

import gpgmail
from gpgmail.core.errors import KeySelectionError
from gpgmail.core.run import Run
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.keyrings import Keyrings
from gpgmail.keys.trust import Pinned
from tests.crypto.helpers import Gpg
from tests.support.keyrings import KEYRINGS, empty_home, fixture_key, keyring_copy, situations

ALICE, BOB, CAROL, SENDER = (
    fixture_key("modern", name) for name in ("alice", "bob", "carol", "sender")
)
FULL, ULTIMATE = 5, 6  # gpg --export-ownertrust


def mail(to):
    message = EmailMessage()
    message["From"], message["To"] = SENDER.address, to
    message.set_content("x")
    return message


def shell(command, typed="", **environment):
    """Run a command that an error named, as somebody would who types it."""
    # What it would ask for on a terminal it is told on its standard input.
    program, _, rest = command.partition(" ")
    told = f"{program} --no-tty --command-fd 0 {rest}" if typed else f"{program} --batch {rest}"
    ran = subprocess.run(
        ["bash", "-c", told], input=typed, capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
    return ran


@contextmanager
def mailing(home, **options):
    with gpgmail.Mailer(None, keyring=home, **options) as mailer:
        yield lambda to: mailer.write(mail(to), encrypt=True)


def refusal(act, *arguments):
    with pytest.raises(KeySelectionError) as caught:
        act(*arguments)
    error = caught.value
    assert error.code.name == "KEY_UNTRUSTED"
    (one,) = error.candidates
    assert one.obstacle == "trust"
    assert one.command in str(error)
    return one


def trust(home, key, level):
    Gpg(home)("--import-ownertrust", stdin=f"{key.fingerprint}:{level}:\n".encode())


# ---- whom gpg itself would take ----


@pytest.mark.parametrize("name", ["web-of-trust", "modern", "uid-unsigned"])
def test_the_same_keys_are_taken_as_by_gpg(name):
    with keyring_copy(name) as home, Keyring.open(home) as ring:
        for key in situations()[name].keys.values():
            for uid in key.uids:
                asked = ("--no-auto-key-locate", "-r", f"<{uid.address}>", "-e")
                theirs = Gpg(home).run(*asked, stdin=b"x").returncode == 0
                (told,) = ring.why(uid.address)
                assert told.taken == theirs, str(told)
                assert uid.validity in told.reason


# ---- the command that is named ends it, within one mailer ----


def test_a_signature_of_ones_own_counts_at_once():
    with keyring_copy("modern") as home, mailing(home) as write:
        write(ALICE.address)
        told = refusal(write, CAROL.address)
        assert f"--quick-lsign-key {CAROL.fingerprint}" in told.command
        assert f"--homedir {home}" in told.command
        shell(told.command)
        (taken,) = Keyring.open(home).why(CAROL.address)
        assert "its validity is full" in taken.reason
        write(CAROL.address)


def test_the_command_signs_only_the_user_id_that_was_asked_for():
    dana = fixture_key("uid-unsigned", "dana")
    claimed = next(uid for uid in dana.uids if uid.validity == "unknown")
    with keyring_copy("uid-unsigned") as home, Keyring.open(home) as ring:
        told = refusal(ring.find_recipient, claimed.address)
        assert told.command.endswith(f"'={claimed.uid}'")
        shell(told.command)
        assert ring.find_recipient(claimed.address).user_id == claimed.uid


@pytest.mark.parametrize("name", ["latin1", "control", "quoted", "marked", "dash", "long"])
def test_the_command_survives_a_shell_whatever_the_user_id_holds(name):
    key = fixture_key("odd-user-ids", name)
    with keyring_copy("odd-user-ids") as other, keyring_copy("own-key") as home:
        Gpg(home)("--import", stdin=Gpg(other)("--export", key.fingerprint))
        with Keyring.open(home) as ring:
            told = refusal(ring.find_recipient, key.address)
            shell(told.command)
            assert ring.find_recipient(key.address).fingerprint == key.fingerprint


def test_where_no_own_key_is_trusted_the_key_itself_is_to_be():
    with keyring_copy("modern") as home, mailing(home) as write:
        trust(home, SENDER, FULL)
        told = refusal(write, ALICE.address)
        assert told.command == f"gpg --homedir {home} --edit-key {ALICE.fingerprint} trust"
        shell(told.command, typed="5\ny\nquit\n")
        write(ALICE.address)


def test_the_usual_home_needs_no_homedir(monkeypatch):
    with empty_home() as base, keyring_copy("modern") as copy:
        home = base / ".gnupg"
        copy.rename(home)
        copy.mkdir()  # for its own end
        monkeypatch.setenv("HOME", str(base))
        monkeypatch.delenv("GNUPGHOME", raising=False)
        with Keyring.open() as ring:
            told = refusal(ring.find_recipient, CAROL.address)
        Gpg(home)("--version")
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
        assert told.command.startswith("gpg --local-user ")


def test_a_directory_of_gpg_1_names_that_program():
    sound = fixture_key("legacy-odd", "sound")
    with keyring_copy("legacy-odd") as home, Keyring.open(home) as ring:
        told = refusal(ring.find_recipient, sound.address)
    assert told.command == f"gpg1 --homedir {home} --lsign-key {sound.fingerprint}"


def test_a_file_has_no_validity_and_so_no_command():
    with Keyring.open(KEYRINGS / "recipients" / "public.asc") as ring:
        told = refusal(lambda: ring.find_recipient(ALICE.address, trust="gnupg"))
    assert told.command == ""


# ---- ownertrust ----


@pytest.mark.parametrize("conf", ["", "no-auto-check-trustdb\n"], ids=["plain", "no-check"])
def test_a_changed_ownertrust_counts_at_once_in_both_directions(conf):
    """gpg.conf may keep gpg from checking its trust database, which then is out of date."""
    introducer, friend = (fixture_key("web-of-trust", name) for name in ("introducer", "friend"))
    with keyring_copy("web-of-trust") as home, mailing(home) as write:
        (home / "gpg.conf").write_text(conf)
        write(friend.address)
        trust(home, introducer, 3)  # never
        refusal(write, friend.address)
        trust(home, introducer, FULL)
        write(friend.address)


def test_a_revoked_signature_counts_at_once():
    with keyring_copy("modern") as home, mailing(home) as write:
        write(ALICE.address)
        Gpg(home)("--quick-revoke-sig", ALICE.fingerprint, SENDER.fingerprint)
        refusal(write, ALICE.address)


# ---- other trust models of the owner's gpg.conf ----


def test_who_trusts_always_in_gpg_conf_does_so_here():
    with keyring_copy("modern") as home, mailing(home) as write:
        refusal(write, CAROL.address)
        for line in ("trust-model always", "always-trust"):
            (home / "gpg.conf").write_text(f"{line}\n")
            with Keyring.open(home) as ring:
                (told,) = ring.why(CAROL.address)
            assert "gpg.conf says trust-model always" in told.reason
            write(CAROL.address)
        (home / "gpg.conf").write_text("trust-model pgp\n")
        refusal(write, CAROL.address)


def test_direct_trust_is_that_in_the_key():
    with keyring_copy("modern") as home, mailing(home) as write:
        (home / "gpg.conf").write_text("trust-model direct\n")
        told = refusal(write, ALICE.address)  # whom the own signature would make valid
        assert told.command == f"gpg --homedir {home} --edit-key {ALICE.fingerprint} trust"
        shell(told.command, typed="4\nquit\n")
        write(ALICE.address)


@pytest.mark.parametrize("model", ["tofu", "tofu+pgp"])
def test_tofu_trusts_a_first_key_and_no_second_one_beside_it(model):
    with keyring_copy("modern") as home, mailing(home) as write:
        (home / "gpg.conf").write_text(f"trust-model {model}\n")
        write(CAROL.address)
        with empty_home() as other:
            new = ("--passphrase", "", "--quick-gen-key", f"Carol <{CAROL.address}>")
            Gpg(other)(*new, "future-default", "default", "never")
            Gpg(home)("--import", stdin=Gpg(other)("--export"))
        with Keyring.open(home) as ring:
            told = {one.fingerprint: one for one in ring.why(CAROL.address)}
        # gpg sees the conflict when it first looks at the new key, and looks at the old one before.
        assert told.pop(CAROL.fingerprint).taken
        assert [one.obstacle for one in told.values()] == ["trust"]
        with pytest.raises(KeySelectionError) as caught:
            write(CAROL.address)
        told = {one.fingerprint: one for one in caught.value.candidates}
        assert {one.obstacle for one in told.values()} == {"trust"}
        assert len(told) == 2
        command = told[CAROL.fingerprint].command
        assert command == f"gpg --homedir {home} --tofu-policy good {CAROL.fingerprint}"
        shell(command)
        with Keyring.open(home) as ring:
            assert ring.find_recipient(CAROL.address).fingerprint == CAROL.fingerprint
        write(CAROL.address)


# ---- pins ----


def test_a_pin_means_its_key_whatever_the_user_ids_say(tmp_path):
    path = tmp_path / "pins"
    Pinned({}, str(path)).pin("boss@example.org", BOB.fingerprint).write()
    with keyring_copy("modern") as home:
        trust(home, SENDER, FULL)  # nothing here is valid
        with mailing(home, trust=f"pinned:{path}") as write:
            write("boss@example.org")
            told = refusal(write, CAROL.address)
            assert told.reason == f"{path} pins no key for it"
            with pytest.raises(KeySelectionError, match="pins no key"):
                write(BOB.address)
        subprocess.run(["sh", "-c", told.command], check=True)
        with mailing(home, trust=f"pinned:{path}") as write:
            write(CAROL.address)
        with Keyring.open(home) as ring:
            (taken,) = ring.why("boss@example.org", trust=Pinned.read(path))
            assert (taken.fingerprint, taken.taken) == (BOB.fingerprint, True)


def test_a_pin_does_not_bring_back_a_key_that_ended(tmp_path):
    key = fixture_key("revoked", "revoked")
    pins = Pinned({}, "pins").pin(key.address, key.fingerprint)
    with (
        keyring_copy("revoked") as home,
        Keyring.open(home) as ring,
        pytest.raises(KeySelectionError, match="revoked"),
    ):
        ring.find_recipient(key.address, trust=pins)


def test_a_pin_keeps_out_another_key_for_the_same_address():
    older, newer = situations()["two-keys-one-address"].keys.values()
    pins = Pinned({}, "pins").pin(older.address, newer.fingerprint)
    with keyring_copy("two-keys-one-address") as home, Keyring.open(home) as ring:
        assert ring.find_recipient(older.address, trust=pins).fingerprint == newer.fingerprint
        told = {one.fingerprint: one for one in ring.why(older.address, trust=pins)}
    assert told[older.fingerprint].reason == "pins pins another key for it"
    assert told[older.fingerprint].command == ""


# ---- several keyrings, groups ----


def test_why_goes_through_all_keyrings():
    public = KEYRINGS / "recipients" / "public.gpg"
    with keyring_copy("own-key") as home:
        rings = Keyrings(home, [public, public])
        first, second = rings.why(ALICE.address, Run())
        assert (first.taken, first.keyring) == (True, str(public))
        assert (second.obstacle, second.reason) == (
            "choice",
            "usable, but a keyring before this one has one",
        )
        assert rings.why("nobody@example.org", Run()) == ()
        assert [one.taken for one in rings.why(SENDER.address, Run(), "signing")] == [True]
        rings.close()


def test_a_key_that_is_over_in_one_keyring_is_over_in_all():
    key = fixture_key("revoked", "revoked")
    with keyring_copy("revoked") as home, empty_home() as other:
        # What somebody has who never heard of the revocation: the packets before it.
        for_other = ("--export-options", "export-minimal", "--export", key.fingerprint)
        Gpg(other)("--import", stdin=_without_revocation(Gpg(home)(*for_other)))
        rings = Keyrings(home, [other], trust="always")
        told = rings.why(key.address, Run())
        with pytest.raises(KeySelectionError, match="revoked"):
            rings.recipient(key.address, Run())
        rings.close()
    assert [one.obstacle for one in told] == ["state", "state"]
    assert told[1].reason == "it is over in another keyring"


def _without_revocation(export):
    """A key without its first signature, which is the revocation."""
    lengths = []
    at = 0
    while at < len(export):
        width = 1 << (export[at] & 3)
        size = 1 + width + int.from_bytes(export[at + 1 : at + 1 + width])
        lengths.append((export[at] >> 2 & 0x0F, export[at : at + size]))
        at += size
    assert lengths[1][0] == 2
    return b"".join(packet for _, packet in (lengths[0], *lengths[2:]))


def test_a_group_is_asked_about_by_its_members():
    with keyring_copy("group-lines") as home:
        rings = Keyrings(home)
        team = rings.why("team", Run())
        assert [one.fingerprint for one in team] == [ALICE.fingerprint, BOB.fingerprint]
        assert all(one.taken for one in team)
        everybody = {one.fingerprint for one in rings.recipients("all", Run())}
        assert everybody == {ALICE.fingerprint, BOB.fingerprint, CAROL.fingerprint}
        rings.close()
    assert Path(home).exists() is False
