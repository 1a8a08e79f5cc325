"""OpenPGP.js with postal-mime: mail is taken apart there too (`tests/interop/node/read.mjs`)."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.interop.javascript import FailedError, script
from tests.interop.seen import CannotReadError, Seen

if TYPE_CHECKING:
    from tests.interop.circle import Circle


@dataclass(frozen=True, slots=True)
class OpenPGPjs:
    """OpenPGP.js 6 on the machine's Node."""

    def read(self, mail: bytes, circle: Circle, passphrase: str = "") -> Seen:
        """What it sees in a mail."""
        given = {
            "mail": b64encode(mail).decode(),
            "publics": [path.read_text() for path in circle.publics],
            "secrets": [path.read_text() for path in circle.secrets],
            "passphrase": passphrase,
        }
        try:
            told = json.loads(script("read.mjs", given))
        except FailedError as error:
            raise CannotReadError(str(error)) from error
        return Seen(
            text=told["text"],
            files={name: b64decode(content) for name, content in told["files"].items()},
            decrypted=told["decrypted"],
            signers=frozenset(map(circle.primary, told["signers"])),
        )
