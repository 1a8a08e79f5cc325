"""What a kind of proxy is: a name and a generator of turns, with no socket.

A kind looks at what it is asked for before its first turn, so that what it cannot say is refused
before anything is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.codes import Retry
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from gpgmail.core.errors import GpgmailError
    from gpgmail.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Turn:
    """What to say, then what to hear: exactly `size` bytes, or a line of `size` at most.

    A line comes without its end, printable, and with known secrets masked.
    """

    say: bytes
    size: int
    line: bool = False


# Ends when the proxy has connected; is sent what was heard.
Exchange = Generator[Turn, bytes, None]


@dataclass(frozen=True, slots=True)
class Target:
    """The server that a proxy is asked for: an ASCII name, or an address and its bytes."""

    where: str
    packed: bytes
    port: int

    def __str__(self) -> str:
        return f"[{self.where}]:{self.port}" if ":" in self.where else f"{self.where}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; `remote` leaves the resolution of names to it, `data` are further header lines."""

    kind: Kind
    host: str
    port: int
    user: str
    password: Secret
    data: Secret
    remote: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind.name} firewall {host}:{self.port}"

    def refused(self, words: str, *, hint: str | None = None, final: bool = False) -> GpgmailError:
        """Return the error for a proxy that said no.

        *final*: it would say the same of any other address, and of the same one later.
        """
        return Situation.PROXY.error(
            words, subject=str(self), hint=hint, retry=Retry.NO if final else None
        )

    def nonsense(self, heard: str) -> GpgmailError:
        """Return the error for what is no answer of this kind of proxy."""
        hint = "see firewall_type and firewall_port"
        return self.refused(f"no answer of such a proxy: {heard}", hint=hint, final=True)

    def unusable(self, name: str, detail: str, hint: str) -> GpgmailError:
        """Return the error for a value that this kind of proxy cannot be told."""
        return Situation.BAD_VALUE.error(f"{detail} ({self.kind.name})", subject=name, hint=hint)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of proxy: whether it `resolves` names, and whether it can reach IPv6 addresses."""

    name: str
    resolves: bool
    ipv6: bool
    exchange: Callable[[Proxy, Target], Exchange]
