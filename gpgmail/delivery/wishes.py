"""What is asked for a mail, and what becomes of it: by the caller, else by the account's policy.

None leaves a wish to the account, and to "nothing" where there is none. Without an account nothing
is done that was not asked for; with one nothing is left undone that its policy wants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict

from gpgmail.core.errors import KeySelectionError
from gpgmail.core.secret import Secret
from gpgmail.delivery.options import BCC_POLICIES, ENCRYPT, FORMATS
from gpgmail.delivery.sharing import check_policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from gpgmail.core.run import Run
    from gpgmail.delivery.accounts import Account
    from gpgmail.delivery.options import BccPolicy, Format
    from gpgmail.delivery.plan import Wish
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.protect.variant import Variant

_NEVER, _PREFER, _REQUIRE = ENCRYPT


class Wished(TypedDict, total=False):
    """The arguments that say how a mail is protected; `Mailer.send` tells what each means."""

    sign: Wish | None
    encrypt: Wish | None
    format: Format | None
    bcc: BccPolicy | None
    symmetric: str | Secret | None
    variant: Variant | None


class Wishes(NamedTuple):
    """What is asked for a mail."""

    sign: Wish | None = None
    encrypt: Wish | None = None
    format: Format | None = None
    bcc: BccPolicy | None = None
    symmetric: Secret | None = None
    variant: Variant | None = None

    @classmethod
    def of(cls, **wished: Unpack[Wished]) -> Self:
        """Return what a caller's arguments ask for."""
        stated: dict[str, Any] = {**wished}
        if stated.get("symmetric") is not None:
            stated["symmetric"] = Secret(stated["symmetric"])
        return cls(**stated)


class Decided(NamedTuple):
    """What is done to a mail; `remarks` say what was wished for and is left undone."""

    sign: Wish = False
    encrypt: Wish = False
    form: str = FORMATS[0]
    bcc: BccPolicy = BCC_POLICIES[0]
    remarks: tuple[str, ...] = ()


def settle(
    wishes: Wishes, account: Account | None, addresses: Sequence[str], keyrings: Keyrings, run: Run
) -> Decided:
    """Return what is done to a mail to *addresses*.

    Raises:
        UsageError: If a wish is none that there is.
        PolicyError: If what the policy wants for one recipient excludes what another gets.
    """
    found = Decided() if account is None else _by_policy(wishes, account, addresses, keyrings, run)
    signers = list(account.options.signer) if account and wishes.sign is True else []
    stated: dict[str, Any] = {
        "sign": signers or wishes.sign,
        "encrypt": wishes.encrypt,
        "form": wishes.format,
        "bcc": None if wishes.bcc is None else check_policy(wishes.bcc),
    }
    return found._replace(**{name: wish for name, wish in stated.items() if wish is not None})


def _by_policy(
    wishes: Wishes, account: Account, addresses: Sequence[str], keyrings: Keyrings, run: Run
) -> Decided:
    """Return what *account* wants where nothing else is wished for."""
    from gpgmail.delivery.policy import decide

    options = account.options
    decision = decide(account, addresses)
    signing = decision.sign or (account.given("signer") and not account.given("sign"))
    encrypt = decision.encrypt == _REQUIRE
    remarks: tuple[str, ...] = ()
    if decision.encrypt == _PREFER and wishes.encrypt is None:
        encrypt, remarks = _where_possible(addresses, keyrings, run)
    return Decided(
        sign=signing and (list(options.signer) or True),
        encrypt=encrypt,
        form=options.format,
        bcc=check_policy(options.bcc_policy),
        remarks=remarks,
    )


def _where_possible(
    addresses: Sequence[str], keyrings: Keyrings, run: Run
) -> tuple[bool, tuple[str, ...]]:
    """Tell whether every recipient has a key, and else why the mail is not encrypted."""
    for address in addresses:
        try:
            keyrings.recipients(address, run)
        except KeySelectionError as error:
            remark = f"not encrypted, as {address} has no key to use: {error}"
            run.status(remark)
            return False, (remark,)
    return True, ()
