"""The situations that a keyring can be in: each a small function that makes one with real gpg.

The fixture `keyring` of the pytest plugin makes them in a moment; those that are committed under
`fixtures/keyrings/` come from here too. How gpg is run is workshop.py's, what becomes of the files
library.py's.
"""

# ruff: noqa: S105, S106 - the passphrases are published

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gpgmail.testing.rows import CENTURY_END, ENDED, LONG_AGO, NO_SUBKEYS, Files, Notes, Rows, uid
from gpgmail.testing.workshop import LATER

if TYPE_CHECKING:
    from gpgmail.testing.workshop import Bench

SITUATIONS = Rows()
situation = SITUATIONS.add

# ---- modern homes: the normal case ----


@situation("home")
def own_key(home: Bench, notes: Notes) -> Files:
    """The smallest modern home: one unprotected key."""
    notes.take(home.new_key(uid("Sender")), "sender")
    return home.files()


@situation("home", "own-key")
def recipients_home(home: Bench, notes: Notes) -> Files:
    """The other side, to decrypt what `modern` encrypts.

    Secret keys of alice, bob and carol; sender is valid through alice's signature.
    """
    for name in ("Alice", "Bob", "Carol"):
        notes.take(home.new_key(uid(name)), name.lower())
    home.fetch("own-key")
    signer = ("--local-user", notes.called("alice"))
    home.gpg(*signer, "--quick-sign-key", notes.called("sender"), at=LATER)
    return home.files()


@situation("home", "own-key", "recipients-home")
def modern(home: Bench, notes: Notes) -> Files:
    """The normal case: the own key ultimately trusted, and correspondents.

    Alice and bob are valid through the own key's signatures, carol is not valid.
    """
    with home.beside("own-key") as own:
        own.fetch("recipients-home", *map(notes.called, ("alice", "bob", "carol")))
        for name in ("alice", "bob"):
            own.gpg("--quick-sign-key", notes.called(name), at=LATER)
        return own.files()


# ---- modern homes: protection ----


@situation("home")
def protected(home: Bench, notes: Notes) -> Files:
    """A passphrase."""
    notes.take(home.new_key(uid("Locked"), passphrase="open sesame"), "locked", "open sesame")
    return home.files()


@situation("home")
def protected_utf8(home: Bench, notes: Notes) -> Files:
    """A passphrase with a blank and letters outside ASCII."""
    passphrase = "pass wörd ✓"
    notes.take(home.new_key(uid("Umlaut"), passphrase=passphrase), "umlaut", passphrase)
    return home.files()


@situation("home")
def two_protected(home: Bench, notes: Notes) -> Files:
    """Two signers with different passphrases."""
    for name in ("First", "Second"):
        passphrase = f"{name.lower()} secret"
        notes.take(home.new_key(uid(name), passphrase=passphrase), name.lower(), passphrase)
    return home.files()


# ---- modern homes: keys that may not be used, or not for everything ----


@situation("home")
def expired(home: Bench, notes: Notes) -> Files:
    """A key past its expiry."""
    notes.take(home.new_key(uid("Expired"), at=LONG_AGO, expires=ENDED), "expired")
    return home.files()


@situation("home")
def expired_beside_usable(home: Bench, notes: Notes) -> Files:
    """The same user id twice, only `new` is usable."""
    notes.take(home.new_key(uid("Renewed"), at=LONG_AGO, expires=ENDED), "old")
    notes.take(home.new_key(uid("Renewed")), "new")
    return home.files()


@situation("home")
def revoked(home: Bench, notes: Notes) -> Files:
    """A revoked key."""
    home.revoke(notes.take(home.new_key(uid("Revoked")), "revoked"))
    return home.files()


@situation("home")
def expired_subkey(home: Bench, notes: Notes) -> Files:
    """Can sign still, but the only encryption subkey has expired."""
    key = notes.take(home.new_key(uid("Stale"), subkeys=NO_SUBKEYS, at=LONG_AGO), "stale")
    home.add_subkey(key, "cv25519", "encr", expires=ENDED, at=LONG_AGO)
    return home.files()


@situation("home")
def disabled(home: Bench, notes: Notes) -> Files:
    """A key that its owner disabled (which stands in trustdb.gpg)."""
    home.edit(notes.take(home.new_key(uid("Disabled")), "disabled"), "disable")
    return home.files()


@situation("home")
def no_encryption(home: Bench, notes: Notes) -> Files:
    """Can sign, nobody can encrypt to it."""
    notes.take(home.new_key(uid("Signonly"), subkeys=NO_SUBKEYS), "signonly")
    return home.files()


# ---- modern homes: which key, which user id, which subkey ----


@situation("home")
def two_keys_one_address(home: Bench, notes: Notes) -> Files:
    """Both usable: the address alone is ambiguous."""
    notes.take(home.new_key("Twin Older (test) <twin@example.org>"), "older")
    notes.take(home.new_key("Twin Newer (test) <twin@example.org>", at=LATER), "newer")
    return home.files()


@situation("home")
def uid_revoked(home: Bench, notes: Notes) -> Files:
    """Two user ids, one of them revoked."""
    key = notes.take(home.new_key(uid("Dora")), "dora")
    left = uid("Dora", "dora@left.example.org")
    home.gpg("--quick-add-uid", key, left)
    home.gpg("--quick-revoke-uid", key, left, at=LATER)
    return home.files()


@situation("home", "own-key")
def uid_unsigned(home: Bench, notes: Notes) -> Files:
    """Dana's two user ids: only the one that sender signed is valid."""
    known = uid("Dana")
    with home.beside("own-key") as own, home.beside() as elsewhere:
        key = notes.take(elsewhere.new_key(known), "dana")
        elsewhere.gpg("--quick-add-uid", key, uid("Dana", "dana@claimed.example.org"))
        own.gpg("--import", given=elsewhere.export(key))
        own.gpg("--quick-sign-key", key, known, at=LATER)
        return own.files()


@situation("home")
def several_uids(home: Bench, notes: Notes) -> Files:
    """Three user ids, upper case and UTF-8 among them; expires in 2099."""
    key = notes.take(home.new_key(uid("Many"), expires=CENTURY_END), "many")
    for other in (
        uid("Many", "many.work@example.org"),
        uid("Zoë Mañy", "Zoe.Many@sub.example.org"),
    ):
        home.gpg("--quick-add-uid", key, other)
    return home.files()


@situation("home")
def signing_subkey(home: Bench, notes: Notes) -> Files:
    """The primary key only certifies; a subkey signs."""
    both = (("ed25519", "sign"), ("cv25519", "encr"))
    notes.take(home.new_key(uid("Subsigner"), usage="cert", subkeys=both), "subsigner")
    return home.files()


@situation("home", "signing-subkey")
def offline_primary(home: Bench, notes: Notes) -> Files:
    """The key of `signing-subkey`, its primary secret part kept elsewhere."""
    with home.beside("signing-subkey") as whole:
        secret = whole.export_secret_subkeys(notes.called("subsigner"))
        trust = whole.gpg("--export-ownertrust")
        public = whole.export()
    for given in (public, secret):
        home.gpg("--import", given=given)
    home.gpg("--import-ownertrust", given=trust)
    return home.files()


@situation("home")
def expiring_soon(home: Bench, notes: Notes) -> Files:
    """Usable today; ends in a week."""
    end = datetime.now(UTC) + timedelta(days=7)
    notes.take(home.new_key(uid("Ending"), expires=f"{end:%Y%m%dT%H%M%S}"), "ending")
    return home.files()


# ---- gpg 1.4 ----


@situation("legacy")
def legacy(home: Bench, notes: Notes) -> Files:
    """A home of gpg 1.4, as exports of gpg 2 (RSA): an unprotected and a protected key.

    Rita's public key is valid through a signature.
    """
    own = {name: _rsa(home, name, given) for name, given in _LEGACY.items()}
    for name, key in own.items():
        notes.take(key, name, _LEGACY[name])
    with home.beside() as elsewhere:
        rita = notes.take(_rsa(elsewhere, "rita"), "rita")
        home.gpg("--import", given=elsewhere.export())
    home.gpg("--local-user", own["legacy"], "--quick-sign-key", rita, at=LATER)
    home.gpg("--check-trustdb")
    exported = (home.export_secret(key, passphrase=_LEGACY[name]) for name, key in own.items())
    return {
        "pubring.gpg": home.export(),
        "secring.gpg": b"".join(exported),
        "trustdb.gpg": home.files()["trustdb.gpg"],
    }


_LEGACY = {"legacy": "", "vault": "vault secret"}


def _rsa(home: Bench, name: str, passphrase: str = "") -> str:
    """Make a key as gpg 1.4 could have, which knows no curves."""
    both = (("rsa2048", "encr"),)
    return home.new_key(uid(name.title()), algorithm="rsa2048", subkeys=both, passphrase=passphrase)


# ---- files ----


def public_files(home: Bench, *keys: str) -> Files:
    """The keys as a binary export, an armored one and a keybox."""
    with home.beside() as empty:
        binary = home.export(*keys)
        empty.gpg("--import", given=binary)
        box = empty.files()["pubring.kbx"]
    return {"public.gpg": binary, "public.asc": home.export(*keys, armor=True), "public.kbx": box}


def secret_files(home: Bench, key: str, passphrase: str = "") -> Files:
    """The secret key as a binary and as an armored export."""
    return {
        "secret.gpg": home.export_secret(key, passphrase=passphrase),
        "secret.asc": home.export_secret(key, passphrase=passphrase, armor=True),
    }


@situation("files", "own-key")
def exports(home: Bench, notes: Notes) -> Files:
    """One key as files: binary, armored, keybox."""
    with home.beside("own-key") as whole:
        return public_files(whole) | secret_files(whole, notes.called("sender"))


@situation("files", "protected")
def exports_protected(home: Bench, notes: Notes) -> Files:
    """One key with a passphrase as files."""
    key = notes.called("locked")
    with home.beside("protected") as whole:
        return public_files(whole) | secret_files(whole, key, notes[key][1])


@situation("files", "recipients-home")
def recipients(home: Bench, notes: Notes) -> Files:
    """Public keys of alice, bob and carol as files."""
    with home.beside("recipients-home") as whole:
        return public_files(whole, *map(notes.called, ("alice", "bob", "carol")))


@situation("damaged", "recipients-home")
def damaged(home: Bench, _: Notes) -> Files:
    """Files to refuse.

    Empty; garbage, bare and in armor; all keys of `recipients-home` cut off; their armor with a
    line missing, so that its CRC is wrong.
    """
    with home.beside("recipients-home") as whole:
        files = public_files(whole)
    noise = random.Random(2).randbytes(600)  # noqa: S311 - noise that is the same each time
    lines = files["public.asc"].splitlines(keepends=True)
    body = lines[: len(lines) // 2] + lines[len(lines) // 2 + 1 :]
    return {
        "empty.gpg": b"",
        "garbage.gpg": noise,
        "garbage.asc": lines[0] + b"\n" + noise.hex().encode() + b"\n" + lines[-1],
        "truncated.gpg": files["public.gpg"][:-100],
        "truncated.asc": b"".join(lines[: len(lines) * 2 // 3]),
        "bad-crc.asc": b"".join(body),
        "truncated.kbx": files["public.kbx"][:-100],
    }
