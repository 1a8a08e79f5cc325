"""What is done with a keyring, one name each: for tests that do all of it in all places.

As a program it does them in a process of its own, so that a test can decide what that process finds
(no HOME, a read-only file system) or kill it: `python -m tests.support.operations PLACE WHO WORD…`
prints `NAME ok` for each, or `NAME` and the error.
"""

from __future__ import annotations

import os
import sys
from email.message import EmailMessage

import gpgmail
from gpgmail.core.run import Run
from gpgmail.keys.keyring import Keyring

TEXT = "Some words\n"


def draft(who, to=None):
    """A mail from *who* to *to*, by default to himself."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = who, to or who, "test"
    mail.set_content(TEXT)
    return mail


def written(keyring, who, *, sign=False, encrypt=False, to=None, **options):
    """The bytes of a protected mail."""
    with gpgmail.Mailer(None, keyring=keyring, trust="always", **options) as mailer:
        (copy,) = mailer.write(draft(who, to), sign=sign, encrypt=encrypt).copies
        return b"".join(copy.render())


def listed(keyring, who, **_):
    """List all keys, with their secret parts."""
    with Keyring.open(keyring) as ring:
        assert ring.keys(secret=True)
        assert ring.keys()


def selected(keyring, who, **_):
    """Select a signer and a recipient, and ask for the validity of the latter."""
    with Keyring.open(keyring) as ring:
        assert ring.find_signer(who).fingerprint == ring.find_recipient(who).fingerprint


def trusted(keyring, who, **_):
    """Find a recipient, as far as gpg trusts him."""
    with Keyring.open(keyring) as ring:
        assert ring.find_recipient(who, trust="gnupg")


def signed(keyring, who, **options):
    """Sign a mail."""
    assert b"-----BEGIN PGP SIGNATURE-----" in written(keyring, who, sign=True, **options)


def encrypted(keyring, who, **options):
    """Encrypt a mail."""
    assert b"-----BEGIN PGP MESSAGE-----" in written(keyring, who, encrypt=True, **options)


def decrypted(keyring, who, **options):
    """Encrypt a mail and decrypt it."""
    mail = gpgmail.read(written(keyring, who, encrypt=True), keyring=keyring, **options)
    assert TEXT.strip() in mail.message.get_content()


def verified(keyring, who, **options):
    """Sign a mail and verify it."""
    mail = gpgmail.read(written(keyring, who, sign=True, **options), keyring=keyring)
    assert mail.verdict.signed == "whole"


def exported(keyring, who, *, passphrase=None):
    """Export public and secret keys."""
    from gpgmail.core.passphrases import Passphrases

    with Keyring.open(keyring) as ring:
        fingerprint = ring.find_signer(who).fingerprint
        assert ring.export_public(fingerprint)
        assert ring.export_secret(fingerprint, passphrases=Passphrases.of(passphrase))
        assert ring.keyring_files(Run()) or ring.has_keyboxd


def both(keyring, who, **options):
    """Sign and encrypt a mail, and read it."""
    data = written(keyring, who, sign=True, encrypt=True, **options)
    mail = gpgmail.read(data, keyring=keyring, **options)
    assert (mail.verdict.signed, mail.verdict.encrypted) == ("whole", "whole")


EVERYTHING = (listed, selected, signed, encrypted, decrypted, verified, exported, both)
OPERATIONS = {operation.__name__: operation for operation in (*EVERYTHING, trusted)}


def main(place, who, *names):
    """Do what is named, or everything; a place that is empty is one's own home."""
    passphrase = os.environ.get("TEST_PASSPHRASE") or None
    for name in names or [one.__name__ for one in EVERYTHING]:
        try:
            OPERATIONS[name](place or None, who, passphrase=passphrase)
            outcome = "ok"
        except Exception as error:  # noqa: BLE001 - told to the test
            outcome = f"{type(error).__name__} {error}"
        sys.stdout.write(f"{name} {outcome}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
