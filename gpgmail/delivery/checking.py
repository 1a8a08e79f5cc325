"""What can be said of an account without a server: whether its values fit one another and exist."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError
from gpgmail.delivery.accounts import account_names, require_choice
from gpgmail.delivery.options import for_key
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.trust import parse as parse_trust
from gpgmail.message.addresses import one_mailbox
from gpgmail.transport.url import parse as parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpgmail.delivery.accounts import Account

_SECRET_FILES = ("password_file", "token_file", "passphrase_file")


def check(account: Account) -> tuple[str, ...]:
    """Return what is wrong with *account*, in words; empty where nothing is."""
    return tuple(complaint for look in _LOOKS for complaint in look(account))


def _choice(account: Account) -> Iterator[str]:
    try:
        require_choice(account)
    except GpgmailError as error:
        yield str(error)


def _sender(account: Account) -> Iterator[str]:
    if "@" in account.options.from_:  # otherwise it is a name of this machine, to gpgmail-sendmail
        yield from _tried("from", account.options.from_, lambda text: one_mailbox(text, "from"))


def _server(account: Account) -> Iterator[str]:
    yield from _tried("server", account.options.server, parse_url)


def _proxy(account: Account) -> Iterator[str]:
    from gpgmail.transport.options import TransportOptions
    from gpgmail.transport.proxy.url import state

    yield from _tried("proxy", account.options.proxy, lambda url: state(TransportOptions(), url))


def _trust(account: Account) -> Iterator[str]:
    yield from _tried("trust", account.options.trust, parse_trust)


def _keyrings(account: Account) -> Iterator[str]:
    for place in account.options.keyring:
        yield from _tried("keyring", place, Keyring.open)


def _fallback(account: Account) -> Iterator[str]:
    known = account_names(account.config)
    yield from (
        f"fallback: no account {name}" for name in account.options.fallback if name not in known
    )


def _secrets(account: Account) -> Iterator[str]:
    for name in _SECRET_FILES:
        said = getattr(account.options, name)
        for path in filter(None, (said,) if isinstance(said, str) else said):
            place = Path(for_key(path)[1])
            yield from (f"{name}: {complaint}" for complaint in _readable_by_others(place))


def _aliases(account: Account) -> Iterator[str]:
    from gpgmail.delivery.aliases import Aliases

    yield from _tried("aliases", account.options.aliases, lambda path: Aliases(Path(path)))


def _queue(account: Account) -> Iterator[str]:
    path = Path(account.options.queue)
    if account.options.queue and not (path.is_dir() and os.access(path, os.R_OK | os.W_OK)):
        yield f"queue: {path}: is no directory that you can write to (mkdir -m 700 {path})"
    elif not account.options.queue and "hold" in _unencryptable(account):
        yield "on_unencryptable: hold needs a queue"


def _unencryptable(account: Account) -> set[str]:
    """Return all that may happen to whom cannot be encrypted to."""
    return {one.on_unencryptable for one in (account.options, *account.policy.values())}


def _readable_by_others(path: Path) -> Iterator[str]:
    try:
        mode = path.stat().st_mode
    except OSError as failure:
        yield f"{path}: {failure.strerror}"
        return
    if not os.access(path, os.R_OK):
        yield f"{path}: cannot be read"
    elif mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield f"{path}: others can read it (chmod 600 {path})"


def _tried(name: str, value: str, use: Callable[[str], object]) -> Iterator[str]:
    if not value:
        return
    try:
        use(value)
    except GpgmailError as error:
        yield f"{name}: {error}"


_LOOKS: tuple[Callable[[Account], Iterator[str]], ...] = (
    _choice,
    _sender,
    _server,
    _proxy,
    _trust,
    _keyrings,
    _fallback,
    _secrets,
    _aliases,
    _queue,
)
