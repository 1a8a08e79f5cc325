"""`Keyrings`: the keyrings of one caller, asked as one.

The first has the secret keys, all have public ones. What was selected is remembered for as long as
no keyring changes, so that a warm mailer starts gpg only for the mail itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gpgmail.core.errors import KeySelectionError
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.selection import Selection
from gpgmail.keys.trust import Trust, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home

Where = Keyring | str | Path | bytes | None


class Keyrings:
    """Keyrings that are asked one after the other; those given by place are opened and closed here.

    *trust* is for recipients: `always`, `gnupg`, `pinned:FILE`, a policy, or None for the one that
    fits the kind of each keyring.
    """

    def __init__(
        self, first: Where = None, more: Sequence[Where] = (), *, trust: str | Trust | None = None
    ) -> None:
        self._ours: list[Keyring] = []
        self._trust = None if trust is None else parse(trust)
        self._known: dict[tuple[str, str], tuple[object, Selection]] = {}
        try:
            self._keyrings = tuple(self._open(where) for where in (first, *more))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the keyrings that were opened here."""
        for keyring in self._ours:
            keyring.close()

    def signer(self, query: str, run: Run) -> Selection:
        """Return the signing key that *query* means.

        Raises:
            KeySelectionError: If there is not exactly one usable one.
        """
        first = self._keyrings[:1]
        return self._remembered(
            ("sign", query), lambda: _first(first, lambda one: one.find_signer(query, run=run))
        )

    def recipient(self, query: str, run: Run) -> Selection:
        """Return the encryption key that *query* means, from the first keyring that has one.

        Raises:
            KeySelectionError: If none has a usable one: that of the keyring that came nearest.
        """

        def find(keyring: Keyring) -> Selection:
            return keyring.find_recipient(query, trust=self._trust, run=run)

        return self._remembered(("encrypt", query), lambda: _first(self._keyrings, find))

    def home(
        self, run: Run, passphrases: Passphrases, *, secret: bool, public: bool = True
    ) -> Home:
        """Return a home to run gpg in, with all public keys where *public* asks for them."""
        first, *others = self._keyrings
        home = first.secret_home(run, passphrases) if secret else first.public_home(run)
        if not public:
            return home
        files = [file for keyring in others for file in keyring.keyring_files(run)]
        return replace(home, keyrings=(*home.keyrings, *files))

    def _open(self, where: Where) -> Keyring:
        if isinstance(where, Keyring):
            return where
        keyring = Keyring.open(where)
        self._ours.append(keyring)
        return keyring

    def _remembered(self, key: tuple[str, str], find: Callable[[], Selection]) -> Selection:
        stamp = tuple(keyring.stamp() for keyring in self._keyrings)
        known = self._known.get(key)
        if known is not None and known[0] == stamp and _still_valid(known[1]):
            return known[1]
        selection = find()
        self._known[key] = (stamp, selection)
        return selection


def _first(keyrings: Sequence[Keyring], find: Callable[[Keyring], Selection]) -> Selection:
    nearest: KeySelectionError | None = None
    for keyring in keyrings:
        try:
            return find(keyring)
        except KeySelectionError as error:
            if nearest is None or (error.candidates and not nearest.candidates):
                nearest = error
    assert nearest is not None  # noqa: S101 - there is always a first keyring
    raise nearest


def _still_valid(selection: Selection) -> bool:
    now = datetime.now(UTC)
    return not any(
        expires is not None and expires <= now
        for expires in (selection.key.expires, selection.subkey.expires)
    )
