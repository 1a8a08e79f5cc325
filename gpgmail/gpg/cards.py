"""Which smartcard is wanted, where gpg says no more than that it did not work.

A key on a card leaves a note in the home that names the card; gpg tells its number in the `token`
field of a listing. Asked only once an operation has failed.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from gpgmail.core.errors import GpgmailError
from gpgmail.core.situations import Situation
from gpgmail.gpg.linking import has_cards
from gpgmail.gpg.status import select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.judge import Ended

_NO_DAEMON = 119
_OTHER_CARD = 91
_DISABLED = 60
# No card or none in a reader: what scdaemon says, or pinentry, which is to ask for the card.
_ABSENT = {
    **dict.fromkeys((85, 86, 99, 198, 32870), "which is not there, and nobody can be asked for it"),
    **dict.fromkeys((81, 108, 110, 112, 32846, 32848), "which is not there"),
    _OTHER_CARD: "and another card is there",
    _NO_DAEMON: "and gpg's daemon for cards does not run",
    _DISABLED: "and gpg-agent is told to use none",
}
_HINT = "insert that card"
_HINTS = {
    _NO_DAEMON: "install scdaemon, then insert that card",
    _DISABLED: "remove disable-scdaemon from gpg-agent.conf, then insert that card",
}
_OPENPGP = re.compile(r"D27600012401[0-9A-F]{4}([0-9A-F]{4})([0-9A-F]{8})0000")
_KEY_ID, _USER_ID, _TOKEN = 4, 9, 14  # doc/DETAILS: fields of a listing, counted from 0
_NO_TOKENS = ("", "+", "#")


def absent(home: Home, ended: Ended, run: Run, keys: Iterable[str] = ()) -> GpgmailError | None:
    """Return the error for a run that failed because a card was not there, or None.

    *keys* are the fingerprints of the (sub)keys that were wanted; without them those that the
    message is encrypted for.
    """
    failures = [line.error for line in select(ended.status, "FAILURE", "ERROR")]
    number = next((one for one in failures if one in _ABSENT), None)
    if number is None or not _noted(home):
        return None
    wanted = tuple(keys) or tuple(line.get("key_id") for line in select(ended.status, "ENC_TO"))
    for key, card in _cards(home, wanted, run):
        return Situation.KEY_UNUSABLE.error(
            f"its secret key is on card {shown_number(card)}, {_ABSENT[number]}",
            subject=key,
            hint=_HINTS.get(number, _HINT),
        )
    return None


def shown_number(card: str) -> str:
    """Return a card's number as gpg shows it: maker and serial of an OpenPGP card, or the whole."""
    found = _OPENPGP.fullmatch(card)
    return f"{found[1]} {found[2]} ({card})" if found else card


def _noted(home: Home) -> bool:
    with contextlib.suppress(OSError):
        return has_cards(home)
    return False


def _cards(home: Home, keys: Iterable[str], run: Run) -> Iterable[tuple[str, str]]:
    """Give those of *keys* that are on a card, with its number."""
    from gpgmail.gpg.runner import execute

    for key in keys:
        with contextlib.suppress(GpgmailError):
            command = ["--with-colons", "--no-auto-check-trustdb", "--list-secret-keys", f"{key}!"]
            listed = execute(home, command, run=run).output.decode("utf-8", "replace")
            rows = [line.split(":") for line in listed.splitlines()]
            user_id = next((row[_USER_ID] for row in rows if row[0] == "uid"), "")
            for row in rows:
                card = row[_TOKEN] if row[0] in ("sec", "ssb") and len(row) > _TOKEN else ""
                if card not in _NO_TOKENS and key.endswith(row[_KEY_ID]):
                    yield f"{key} {user_id}".strip(), card
