"""Write the mails of `mails/` anew: `python -m tests.vectors.make [NAME...]`.

They are kept in the repository, so that a mail that was read once is read the same way by every
later version; `verdicts.toml` says how. Signatures and session keys are new each time.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from tests.crypto.helpers import Gpg
from tests.support.keyrings import empty_home, keyring_copy
from tests.vectors import clients, files, gateways  # noqa: F401 - entering their builders
from tests.vectors.writing import VECTORS, Keys

HERE = Path(__file__).parent
OPEN = ("--passphrase", "", "--pinentry-mode", "loopback")


def main(names: list[str]) -> None:
    """Write the mails *names*, or all."""
    with ExitStack() as homes:
        fixtures = {"sender": "modern", "alice": "recipients-home", "expired": "expired"}
        made = {
            name: Gpg(homes.enter_context(keyring_copy(place))) for name, place in fixtures.items()
        }
        for name, address in (("gone", "gone@example.org"), ("stranger", "signer@example.org")):
            made[name] = Gpg(homes.enter_context(empty_home()))
            made[name](*OPEN, "--quick-gen-key", address)
        for name in names or VECTORS:
            data = VECTORS[name](Keys(**made))
            (HERE / "mails" / f"{name}.eml").write_bytes(data)
            sys.stdout.write(f"{name}.eml {len(data)}\n")
        if "revoked-key" in (names or VECTORS):
            (HERE / "gone.asc").write_bytes(_revoked(made["gone"]))


def _revoked(gpg: Gpg) -> bytes:
    """Return the public key of the home's one key, revoked."""
    (certificate,) = (gpg.home / "openpgp-revocs.d").glob("*.rev")
    gpg("--import", stdin=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
    return gpg("--armor", "--export")


if __name__ == "__main__":
    main(sys.argv[1:])
