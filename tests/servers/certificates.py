"""Certificates for the test servers: one good, and one for each way of being wrong.

They are minted at the start and live in the memory and the state directory of one run; none is
committed, so none can expire in the repository.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


def _contexts(chains: dict[str, trustme.LeafCert]) -> dict[str, ssl.SSLContext]:
    contexts = {}
    for name, chain in chains.items():
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain.configure_cert(contexts[name])
    return contexts


@dataclass(frozen=True, slots=True)
class Certificates:
    """Server certificates by name: `good`, `wrong_host`, `untrusted`.

    `good` is for `localhost` and `127.0.0.1`, `wrong_host` for another name by the same authority,
    `untrusted` for the right names by an authority that nobody was told of.
    """

    authority: trustme.CA
    chains: dict[str, trustme.LeafCert]
    contexts: dict[str, ssl.SSLContext] = field(repr=False)

    @classmethod
    def mint(cls) -> Certificates:
        """Make a fresh authority and its certificates (some milliseconds)."""
        authority = trustme.CA()
        chains = {
            "good": authority.issue_cert("localhost", "127.0.0.1"),
            "wrong_host": authority.issue_cert("elsewhere.example"),
            "untrusted": trustme.CA().issue_cert("localhost", "127.0.0.1"),
        }
        return cls(authority, chains, _contexts(chains))

    def write_authority(self, path: Path) -> Path:
        """Write the certificate of the authority, the one file that a client trusts."""
        self.authority.cert_pem.write_to_path(str(path))
        return path

    def write_chain(self, name: str, path: Path) -> Path:
        """Write key and chain of one certificate, 0600, as servers want them."""
        path.touch(mode=0o600)
        self.chains[name].private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

    def client_context(self) -> ssl.SSLContext:
        """A verifying client context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())
