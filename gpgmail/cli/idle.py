"""Options that were given and did nothing: who gives one expects something that did not happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.declare import rows
from gpgmail.delivery.accounts import option_name
from gpgmail.delivery.options import LOGIN, AccountOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.receipt import Receipt

_PROTECTED = "the mail is neither signed nor encrypted; see --sign and --encrypt"
_ENCRYPTED = "the mail is not encrypted; see --encrypt"
_SIGNED = "the mail is not signed; see --sign"
_LOGGED_IN = "nobody logs in; see --user"

_NEEDS: dict[str, tuple[str, Callable[[Account, Receipt], bool]]] = {
    **dict.fromkeys(
        ("keyring", "engine", "format"),
        (_PROTECTED, lambda _, receipt: bool(receipt.signers) or receipt.encrypted),
    ),
    **dict.fromkeys(("trust", "bcc_policy"), (_ENCRYPTED, lambda _, receipt: receipt.encrypted)),
    "signer": (_SIGNED, lambda _, receipt: bool(receipt.signers)),
    **{
        row.name: (_SIGNED, lambda _, receipt: bool(receipt.signers))
        for row in rows(AccountOptions)
        if row.name.startswith("passphrase_")
    },
    **dict.fromkeys(LOGIN - {"user"}, (_LOGGED_IN, lambda account, _: bool(account.options.user))),
}


def idle_options(account: Account, receipt: Receipt) -> Iterator[str]:
    """Give a line for each option of the caller that meant nothing for his mail."""
    for row in rows(AccountOptions):
        if row.name in _NEEDS and account.given(row.name):
            why, holds = _NEEDS[row.name]
            if not holds(account, receipt):
                yield f"{option_name(row)} does nothing: {why}"
