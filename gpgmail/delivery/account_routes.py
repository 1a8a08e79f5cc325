"""What an account says of servers becomes a mailer's ways: its own, its fallbacks'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.delivery.accounts import fallbacks
from gpgmail.delivery.routes import Route, route
from gpgmail.delivery.secrets import password_of, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.delivery.accounts import Account


def routes_of(account: Account) -> Iterator[Route]:
    """Give the ways of *account*, none where it has no server.

    Raises:
        UsageError: If a value cannot be used, or there is no account of a fallback's name.
    """
    for one in (account, *fallbacks(account)):
        options = one.options
        if options.server:
            yield route(
                options.server,
                user=options.user or None,
                password=password_of(one),
                token=token_of(one),
                ca_file=options.ca_file or None,
                proxy=options.proxy or None,
                hello=options.hello,
                account=one.name,
            )
