"""`Keyrings`: the keyrings of one caller, asked as one.

The first has the secret keys, all have public ones. What was selected is remembered for as long as
no keyring changes, so that a warm mailer starts gpg only for the mail itself.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.keys.key import Purpose, State, Validity, key_from_record
from gpgmail.keys.keyring import Keyring
from gpgmail.keys.selection import joined, until_taken
from gpgmail.keys.trust import ALWAYS, Trust, comparable, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gpgmail.core.errors import Candidate
    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.prepared import PreparedHome
    from gpgmail.keys.selection import Decision, Selection

Where = Keyring | str | os.PathLike[str] | bytes | None
_LONGEST_REMEMBERED = 600  # seconds
_MOST_REMEMBERED = 1000  # selections; a caller may write to more people than memory should hold


def require_name(query: str) -> None:
    """Go on where *query* names a key: an empty one, as of a script's unset variable, is every key.

    Raises:
        UsageError: If it does not.
    """
    if not query.strip():
        raise Situation.BAD_VALUE.error(
            "is empty", subject="name of a key", hint="give an address or a fingerprint"
        )


class Keyrings:
    """Keyrings that are asked one after the other; those given by place are opened and closed here.

    *trust* is for recipients: `always`, `gnupg`, `pinned:FILE`, a policy, or None for the one that
    fits the kind of each keyring. *signing* keyrings, from the first on, have the secret keys.
    """

    def __init__(
        self,
        first: Where = None,
        more: Sequence[Where] = (),
        *,
        trust: str | Trust | None = None,
        signing: int = 1,
    ) -> None:
        self._ours: list[Keyring] = []
        self._signing = signing
        self._merged: dict[Path, PreparedHome] = {}
        self._trust = None if trust is None else parse(trust)
        self._known: dict[tuple[str, str], tuple[object, int, Selection]] = {}
        try:
            self._keyrings = tuple(self._open(where) for where in (first, *more))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the keyrings that were opened here, and give back what was made for their keys."""
        while self._merged:
            self._merged.popitem()[1].close()
        for keyring in self._ours:
            keyring.close()

    def signer(self, query: str, run: Run) -> Selection:
        """Return the signing key that *query* means.

        Raises:
            KeySelectionError: If there is not exactly one usable one.
        """
        return self._remembered(
            ("sign", query),
            lambda: self._keyrings[0].decide(query, Purpose.SIGN, run).selected(),
        )

    def recipient(self, query: str, run: Run) -> Selection:
        """Return the encryption key that *query* means, from the first keyring that has one.

        A key that is revoked or expired in one keyring is not taken from a later one, which may
        only not have heard of it.

        Raises:
            KeySelectionError: If none has a usable one: that of the keyring that came nearest.
        """
        return self._recipient(query, self._trust, run)

    def recipients(self, query: str, run: Run) -> tuple[Selection, ...]:
        """Return the encryption keys that *query* means: of each member, if it names a group.

        Groups are those of the owner's gpg.conf. Raises what `recipient` does.
        """
        members = self._keyrings[0].additions().members(query)
        return tuple(self.recipient(member, run) for member in members)

    def why(
        self, query: str, run: Run, purpose: str | Purpose = Purpose.ENCRYPT
    ) -> tuple[Candidate, ...]:
        """Return every key that *query* could mean, in all keyrings, and why it is taken or not.

        Of a group those of each member. What is shown is what `signer` and `recipients` go by.

        Raises:
            UsageError: If *purpose* is neither `encryption` nor `signing`, or *query* is empty.
            KeyringError: If the keys cannot be read.
        """
        require_name(query)
        first = self._keyrings[0]
        if Purpose.of(purpose) is Purpose.SIGN:
            return first.why(query, purpose, run)
        members = first.additions().members(query)
        decisions = (joined(self._decisions(member, self._trust, run)) for member in members)
        return tuple(one for decision in decisions for one in decision.candidates)

    def added_signers(self, run: Run) -> tuple[Selection, ...]:
        """Return the keys that the owner's gpg.conf signs with besides (`local-user`)."""
        return tuple(self.signer(name, run) for name in self._keyrings[0].additions().local_user)

    def added_recipients(self, run: Run) -> tuple[tuple[Selection, bool], ...]:
        """Return the keys that the owner's gpg.conf encrypts to besides, and whether hidden.

        As with gpg itself their trust is not asked: the owner named them.
        """
        added = self._keyrings[0].additions()
        own = added.default_key[-1:] if added.encrypt_to_default_key else ()
        lines = [(line, False) for line in added.encrypt_to]
        lines += [(line, True) for line in added.hidden_encrypt_to]
        named = [(name, hidden) for line, hidden in lines for name in added.members(line)]
        named += [(name, False) for name in own]
        return tuple((self._recipient(name, ALWAYS, run), hidden) for name, hidden in named)

    def hide_all(self) -> bool:
        """Tell whether the owner's gpg.conf names no recipient in a message (`throw-keyids`)."""
        return self._keyrings[0].additions().throw_keyids

    def validity(self, fingerprint: str, address: str, run: Run) -> Validity | None:
        """Return how sure gpg is that *address* belongs to a key, None if no user id says so.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        from gpgmail.gpg.librarian import Librarian

        wanted = comparable(address).lower()
        home = self.home(run, None, secret=False)
        keys = map(key_from_record, Librarian(home, run).list_keys(f"0x{fingerprint}"))
        found = {
            user_id.validity
            for key in keys
            for user_id in key.user_ids
            if user_id.state is State.VALID and comparable(user_id.email).lower() == wanted
        }
        return next((validity for validity in reversed(Validity) if validity in found), None)

    def home(
        self, run: Run, passphrases: Passphrases | None, *, secret: bool, public: bool = True
    ) -> Home:
        """Return a home to run gpg in, with all public keys where *public* asks for them."""
        first, *others = self._keyrings
        apart = bool(others) and public and first.has_keyboxd  # where gpg ignores all the others
        if secret and (self._signing > 1 or apart):
            return self._merged_home(run, passphrases)
        if apart:
            from gpgmail.gpg.prepared import empty_home

            return self._hold(empty_home(run))._replace(keyrings=self._files(run))
        home = first.secret_home(run, passphrases) if secret else first.public_home(run)
        if not public:
            return home
        files = [file for keyring in others for file in keyring.keyring_files(run)]
        return home._replace(keyrings=(*home.keyrings, *files))

    def _merged_home(self, run: Run, passphrases: Passphrases | None) -> Home:
        from gpgmail.gpg.prepared import merged

        homes = [one.secret_home(run, passphrases) for one in self._keyrings[: self._signing]]
        return self._hold(merged(homes, self._files(run), run))

    def _files(self, run: Run) -> tuple[Path, ...]:
        """Return files with all public keys."""
        files = (file for one in self._keyrings for file in one.keyring_files(run))
        return tuple(dict.fromkeys(files))

    def _hold(self, share: PreparedHome) -> Home:
        held = self._merged.setdefault(share.home.directory, share)
        if held is not share:
            share.close()
        return held.home

    def _recipient(self, query: str, trust: Trust | None, run: Run) -> Selection:
        key = ("encrypt", query) if trust is self._trust else ("encrypt anyway", query)
        decisions = self._decisions(query, trust, run)
        return self._remembered(key, lambda: joined(until_taken(decisions)).selected())

    def _decisions(self, query: str, trust: Trust | None, run: Run) -> Iterator[Decision]:
        for keyring in self._keyrings:
            yield keyring.decide(query, Purpose.ENCRYPT, run, trust=trust)

    def _open(self, where: Where) -> Keyring:
        if isinstance(where, Keyring):
            return where
        # The user's own home is looked for when it is wanted: a mail without protection needs none.
        keyring = Keyring(None) if where in (None, "") else Keyring.open(where)
        self._ours.append(keyring)
        return keyring

    def _remembered(self, key: tuple[str, str], find: Callable[[], Selection]) -> Selection:
        stamp = tuple(keyring.stamp() for keyring in self._keyrings)
        known = self._known.get(key)
        if known is not None and known[:2] == (stamp, _period()) and _still_valid(known[2]):
            return known[2]
        selection = find()
        self._known.pop(key, None)
        if len(self._known) == _MOST_REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[key] = (stamp, _period(), selection)
        return selection


def _period() -> int:
    """Return what changes from time to time: signatures end too, and with them validity."""
    return int(monotonic() // _LONGEST_REMEMBERED)


def _still_valid(selection: Selection) -> bool:
    now = datetime.now(UTC)
    return not any(
        expires is not None and expires <= now
        for expires in (selection.key.expires, selection.subkey.expires)
    )
