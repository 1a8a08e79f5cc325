"""What verbs that open a mail have in common: its file, the keys, and how large it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpgmail.cli.inputs import standard_input
from gpgmail.cli.options import (
    KEYS,
    PASSPHRASES,
    account_of,
    account_options,
    option,
    row_options,
)
from gpgmail.delivery.options import KeyringOptions
from gpgmail.delivery.secrets import passphrases_of
from gpgmail.protect.limits import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

_DASH = "-"
_KEYS = row_options(
    KeyringOptions, KEYS, only=("keyring", "engine", *PASSPHRASES), groups=PASSPHRASES
)
size_option = option(
    "--max-size",
    type=click.IntRange(min=1),
    default=MOST_BYTES,
    metavar="BYTES",
    help="Refuse a mail that has more, with all that is compressed or encrypted in it; 256 MiB.",
)


def opening_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add FILE, the options of keys, and --account."""
    function = _KEYS(account_options(function))
    return click.argument("file", metavar="FILE|-")(function)


def opening_arguments(file: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return what `read` and `verify` take, of what was given."""
    account = account_of(given, KeyringOptions)
    keyring, *more = account.options.keyring or (None,)
    return {
        "passphrase": passphrases_of(account),
        "source": standard_input() if file == _DASH else file,
        "keyring": keyring,
        "more_keyrings": more,
        "most_bytes": given["max_size"],
        "engine": account.options.engine,
    }
