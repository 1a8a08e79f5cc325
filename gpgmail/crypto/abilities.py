"""What the gpg at hand can do: asked of the binary itself, once, before anything is run with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpgmail.gpg.binary import Binary, find
from gpgmail.gpg.runner import execute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home


class Abilities(NamedTuple):
    """What a gpg can do: numbers by the word of --list-config, and the options that it knows."""

    shown_version: str
    numbers: Mapping[str, frozenset[int]]
    options: frozenset[str]

    def has(self, listed: str, number: int) -> bool:
        """Whether this gpg lists an algorithm under the word *listed*."""
        return number in self.numbers.get(listed, ())

    def option(self, *names: str) -> str:
        """Return the first of *names* that this gpg knows as an option, or an empty string."""
        return next((name for name in names if name in self.options), "")


def abilities(home: Home, run: Run) -> Abilities:
    """Return what the gpg at hand can do; each binary is asked once.

    Raises:
        EngineError: If there is no gpg, or it does not answer.
    """
    binary = find()
    known = _KNOWN.get(binary)
    if known is None:
        bare = home._replace(keyrings=(), options_file=None)
        config = _output(bare, ("--no-options", "--with-colons", "--list-config"), run)
        options = _output(bare, ("--no-options", "--dump-options"), run)
        known = _KNOWN[binary] = _read(binary.shown_version, config, options)
    return known


_KNOWN: dict[Binary, Abilities] = {}


def _output(home: Home, arguments: tuple[str, ...], run: Run) -> str:
    return execute(home, arguments, run=run).output.decode("ascii", "replace")


def _read(shown_version: str, config: str, options: str) -> Abilities:
    """Read `cfg:cipher:1;2;3` (GnuPG's doc/DETAILS, "Format of the --list-config output")."""
    numbers = {}
    for line in config.splitlines():
        cfg, _, rest = line.partition(":")
        word, _, values = rest.partition(":")
        if cfg == "cfg" and values.replace(";", "").isdigit():
            numbers[word] = frozenset(map(int, values.split(";")))
    return Abilities(shown_version, numbers, frozenset(options.split()))
