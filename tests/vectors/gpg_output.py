"""Write `status/` and `listing/`, what real gpg says: `python -m tests.vectors.gpg_output`.

Each file is one run's output, named after the version, the keyring and the operation. They are the
seeds that tests/gpg/test_fuzz.py changes; nothing depends on what is in them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gpgmail.gpg.binary import find
from tests.crypto.helpers import TEXT, Gpg
from tests.support.keyrings import fixture_key, keyring_copy

HERE = Path(__file__).parent
LISTED = ("modern", "expired", "revoked", "disabled", "several-uids", "odd-user-ids", "photo-id")
LISTED += ("every-kind", "offline-primary", "web-of-trust", "uid-revoked", "legacy")
LISTING = ("--with-colons", "--fixed-list-mode", "--with-fingerprint", "--with-fingerprint")
ALWAYS = ("--trust-model", "always")


def statuses(gpg: Gpg, damaged: bytes):
    """What gpg reports of runs that go well and that do not, by name."""
    alice, sender = (fixture_key("modern", name).fingerprint for name in ("alice", "sender"))
    mixed = (*ALWAYS, "-u", sender, "-r", sender, "--hidden-recipient", alice, "-se")
    sealed = gpg(*mixed, stdin=TEXT)
    signed = gpg("-u", sender, "--sign", stdin=TEXT)
    symmetric = ("--pinentry-mode", "loopback", "--passphrase", "secret")
    locked = gpg(*symmetric, "--symmetric", stdin=TEXT)
    runs = {
        "seal": (mixed, TEXT),
        "open": (("--decrypt",), sealed),
        "open-cut": (("--decrypt",), sealed[:-20]),
        "verify": (("--verify",), signed),
        "verify-damaged": (("--verify",), signed[:60] + b"x" + signed[61:]),
        "unlock": ((*symmetric, "--decrypt"), locked),
        "unlock-wrong": ((*symmetric[:-1], "wrong", "--decrypt"), locked),
        "none": (("--decrypt",), b"nothing of OpenPGP"),
        "damaged": (("--import",), damaged),
        "nobody": (("-r", "nobody@example.org", "-e"), TEXT),
        "untrusted": (("-r", fixture_key("modern", "carol").fingerprint, "-e"), TEXT),
    }
    for name, (arguments, stdin) in runs.items():
        yield name, gpg.status(*arguments, stdin=stdin)


def main() -> int:
    """Write both directories for the gpg of PATH."""
    version = ".".join(map(str, find().version[:2]))
    for situation in LISTED:
        with keyring_copy(situation) as path:
            for command in ("--list-keys", "--list-secret-keys"):
                listed = Gpg(path)(*LISTING, "--with-keygrip", command)
                name = f"{version}-{situation}-{command.strip('-')}.txt"
                (HERE / "listing" / name).write_bytes(listed)
    damaged = (HERE.parents[1] / "fixtures/keyrings/damaged/truncated.gpg").read_bytes()
    with keyring_copy("modern") as path:
        for name, said in statuses(Gpg(path), damaged):
            lines = [line for line in said.splitlines() if line.startswith("[GNUPG:]")]
            text = "\n".join(lines) + "\n"
            (HERE / "status" / f"{version}-{name}.txt").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
