"""`Keyring`: one face for every place that holds keys.

A modern home is used where it is; everything else is served from a prepared home, so that nothing
changes in it or beside it. gpg is asked when a value is wanted, and for the query. What a place is
stands in `place.py`, which key a query means in `selection.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find, require_secret
from gpgmail.gpg.home import Home
from gpgmail.gpg.librarian import Librarian
from gpgmail.keys.key import Key, Purpose, key_from_record
from gpgmail.keys.place import Kind, Place, active_ring, locate
from gpgmail.keys.selection import Named, Query, Selection, first, select
from gpgmail.keys.trust import ALWAYS, GNUPG, Trust, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpgmail.gpg.config import Additions
    from gpgmail.gpg.prepared import PreparedHome


class Keyring:
    """The keys of one place, until `close()`; made by `Keyring.open`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._shares: dict[Path, PreparedHome] = {}

    @classmethod
    def open(cls, where: str | Path | bytes | None = None) -> Self:
        """Return the keyring at *where*: a directory, a file, or keys as bytes.

        Nothing given means the user's own home, GNUPGHOME or ~/.gnupg, which need not exist.

        Raises:
            KeyringError: If there is nothing, or nothing that could be a keyring.
        """
        return cls(locate(where))

    def close(self) -> None:
        """Give back what was prepared; the keyring can be used again, and prepares anew."""
        while self._shares:
            self._shares.popitem()[1].close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Keyring({self.name!r}, {self.kind})"

    @property
    def kind(self) -> Kind:
        """What the place is."""
        return self._place.kind

    @property
    def name(self) -> str:
        """The path, or words for bytes."""
        return self._place.name

    @property
    def place(self) -> Place:
        """Where the keys are; keyrings of the same place are alike."""
        return self._place

    @property
    def default_trust(self) -> Trust:
        """The policy where the caller named none: who gives a file means the keys in it."""
        return ALWAYS if self.kind is Kind.FILE else GNUPG

    @property
    def has_keyboxd(self) -> bool:
        """Whether keyboxd keeps the public keys, so that gpg ignores `--keyring` beside them."""
        return self.kind is Kind.HOME and _uses_keyboxd(self._own_home)

    # ---- keys ----

    def keys(
        self, query: str = "", *, secret: bool = False, run: Run | None = None
    ) -> tuple[Key, ...]:
        """Return the keys that gpg finds for *query*, or all.

        With *secret* the keys know which of their secret parts are here; only then the agent is
        asked, and secret keys of files are imported into the prepared home.

        Raises:
            KeyringError: If the keys cannot be read, or not all of them.
        """
        return self._ask(Query.parse(query), secret, run or Run())

    def find_signer(self, query: str, run: Run | None = None) -> Selection:
        """Return the one key with a secret part that *query* means and that can sign.

        An empty query means the first key that can.

        Raises:
            KeySelectionError: If there is none, or more than one.
            KeyringError: If the keys cannot be read.
            EngineError: If gpg is too old: it would know of none, which is not the reason.
        """
        require_secret(find("gpg"))
        return self._select(query, Purpose.SIGN, ALWAYS, run or Run())

    def find_recipient(
        self, query: str, run: Run | None = None, *, trust: str | Trust | None = None
    ) -> Selection:
        """Return the one key that *query* means and that can be encrypted to.

        An empty query means the first key that can. *trust* is `always`, `gnupg`, `pinned:FILE` or
        a policy, `default_trust` without one; it is not asked where *query* is a fingerprint.

        Raises:
            KeySelectionError: If there is none, more than one, or none that may be trusted.
            KeyringError: If the keys cannot be read.
        """
        policy = self.default_trust if trust is None else parse(trust)
        return self._select(query, Purpose.ENCRYPT, policy, run or Run())

    def export_public(self, fingerprint: str, run: Run | None = None) -> str:
        """Return a public key in ASCII armor.

        Raises:
            KeyringError: If the key is not there or cannot be read.
        """
        run = run or Run()
        exported = Librarian(self.public_home(run), run).export_keys([fingerprint])
        return exported.decode("ascii")

    def export_secret(
        self,
        fingerprint: str,
        run: Run | None = None,
        passphrases: Passphrases | None = None,
    ) -> str:
        """Return a secret key in ASCII armor, protected as it is.

        Raises:
            PassphraseError: If the key is protected and its passphrase is missing or wrong.
            KeySelectionError: If the key is not there.
        """
        from gpgmail.gpg.judge import judge
        from gpgmail.gpg.runner import execute

        run, passphrases = run or Run(), passphrases or Passphrases()
        result = execute(
            self.secret_home(run, passphrases),
            ["--armor", "--export-secret-keys", f"0x{fingerprint}"],
            run=run,
            passphrases=passphrases,
        )
        if not result.ok or not result.output:
            raise judge(result, Situation.KEY_NOT_FOUND, subject=fingerprint)
        return result.output.decode("ascii")

    def stamp(self) -> object:
        """Return a value that changes when the files of the keyring do."""
        return self._place.stamp()

    # ---- what gpg works with ----

    def public_home(self, run: Run) -> Home:
        """Return a home in which gpg finds the public keys, and no secret ones of a file.

        It is valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        from gpgmail.gpg.prepared import Sources, empty_home, prepare

        place = self._place
        if place.kind is Kind.HOME and (place.lists_in_place or self.has_keyboxd):
            return self._own_home
        if not place.public:
            return self._hold(empty_home(run))
        return self._hold(prepare(Sources(public=place.public, trustdb=place.trustdb), run))

    def secret_home(self, run: Run, passphrases: Passphrases | None = None) -> Home:
        """Return a home in which gpg can work with the secret keys.

        Passphrases that know something are tried at an agent of our own, where that can be; without
        them the user's agent answers for a home. It is valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        asked = passphrases is not None and not passphrases.silent
        return self._secret_home(run, own_agent=asked or self._place.migration_pending)

    def additions(self) -> Additions:
        """Return what the owner's gpg.conf adds to messages; nothing where he has no home.

        Raises:
            EngineError: If gpg.conf cannot be read, or gpgconf fails.
        """
        from gpgmail.gpg.config import Additions, additions

        return additions(self._own_home) if self.kind is Kind.HOME else Additions()

    def keyring_files(self, run: Run, fingerprints: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return files that gpg can read with `--keyring` beside another home.

        *fingerprints* limits what keyboxd has to export; of other places all keys are there. The
        files are valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        from gpgmail.gpg.prepared import Sources, prepare

        home = self.public_home(run)
        if self.has_keyboxd:
            exported = Librarian(home, run).export_keys(fingerprints, armor=False)
            home = self._hold(prepare(Sources(public=(exported,)), run))
        ring = active_ring(home.directory)
        return home.keyrings if ring is None else (ring, *home.keyrings)

    # ---- within ----

    @property
    def _own_home(self) -> Home:
        place = self._place
        if place.directory is None:
            raise AssertionError(place)  # only a home is asked
        # A check rewrites an old pubring.gpg; keyboxd has no file here.
        in_place = place.lists_in_place or not place.public
        return Home(directory=place.directory, check_trust=in_place)

    def _secret_home(self, run: Run, *, own_agent: bool) -> Home:
        from gpgmail.gpg.prepared import Sources, prepare, private_agent

        place = self._place
        if place.kind is Kind.HOME:
            share = private_agent(self._own_home, run) if own_agent else None
            return self._own_home if share is None else self._hold(share)
        if not place.secret:
            return self.public_home(run)
        sources = Sources(public=place.public, secret=place.secret, trustdb=place.trustdb)
        return self._hold(prepare(sources, run))

    def _hold(self, share: PreparedHome) -> Home:
        """Keep a share until `close()`, one for each home."""
        held = self._shares.setdefault(share.home.directory, share)
        if held is not share:
            share.close()
        return held.home

    def _ask(self, query: Query, secret: bool, run: Run) -> tuple[Key, ...]:  # noqa: FBT001 - private
        if not (self._place.public or self.has_keyboxd):
            return ()
        place = self._place
        own_agent = place.migration_pending or not place.lists_in_place
        home = self._secret_home(run, own_agent=own_agent) if secret else self.public_home(run)
        records = Librarian(home, run).list_keys(
            *query.for_gpg(), secret=secret, check_trust=home.prepared or place.lists_in_place
        )
        return tuple(map(key_from_record, records))

    def _select(self, text: str, purpose: Purpose, trust: Trust, run: Run) -> Selection:
        query = Query.parse(text)
        found = self._ask(query, purpose is Purpose.SIGN, run)
        now = datetime.now(UTC)
        if query.named is Named.ANY:
            return first(found, purpose, now=now, place=self.name)
        return select(found, query, purpose, trust=trust, now=now, place=self.name)


def _uses_keyboxd(home: Home) -> bool:
    from gpgmail.gpg.linking import uses_keyboxd

    return uses_keyboxd(home)
