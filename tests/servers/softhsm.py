"""A SoftHSM2 token with one key in it that does not leave it, and OpenSSL's engine that uses it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.servers.unpacked import ServerUnavailableError, environment, program, tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.pki import Issued

PIN: Final = "7391"
URI: Final = "pkcs11:token=gpgmail;object=client;type=private"
_SECONDS: Final = 20

_TOKENS = """\
directories.tokendir = {directory}/tokens
objectstore.backend = file
log.level = ERROR
"""
_ENGINE = """\
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = {engine}
MODULE_PATH = {module}
PIN = {pin}
init = 1
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A token in a directory; `environment` is that of a program that is to use it."""

    directory: Path
    environment: dict[str, str]

    @classmethod
    def make(cls, directory: Path, issued: Issued) -> Token:
        """Put the key of *issued* into a fresh token.

        Raises: ServerUnavailableError where the packages were not fetched.
        """
        utility = program("usr/bin/softhsm2-util")
        module = tree() / "usr/lib/softhsm/libsofthsm2.so"
        (directory / "tokens").mkdir()
        (directory / "softhsm2.conf").write_text(_TOKENS.format(directory=directory))
        engine = _ENGINE.format(engine=_found("engines-3/pkcs11.so"), module=module, pin=PIN)
        (directory / "openssl.cnf").write_text(engine)
        token = cls(
            directory,
            environment(
                SOFTHSM2_CONF=os.fspath(directory / "softhsm2.conf"),
                OPENSSL_CONF=os.fspath(directory / "openssl.cnf"),
            ),
        )
        key = issued.write(directory / "client.key", issued.key_pem)
        called = (utility, "--module", module, "--pin", PIN)
        token.run(*called, "--init-token", "--free", "--label", "gpgmail", "--so-pin", PIN)
        token.run(*called, "--import", key, "--token", "gpgmail", "--label", "client", "--id", "01")
        key.unlink()
        return token

    def run(self, *command: object, data: bytes = b"") -> bytes:
        """Run a program that uses the token, and return what it printed."""
        done = subprocess.run(
            list(map(str, command)),
            input=data,
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        return done.stdout


def _found(name: str) -> Path:
    for path in tree().glob(f"usr/lib/*/{name}"):
        return path
    raise ServerUnavailableError(f"{name} is absent: run scripts/fetch-servers.sh (needs apt)")
