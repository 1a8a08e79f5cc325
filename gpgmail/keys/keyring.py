"""`Keyring`: one face for every place that holds keys.

A modern home is used where it is; everything else is served from a prepared home, so that nothing
changes in it or beside it. gpg is asked when a value is wanted, and for the query. What a place is
stands in `place.py`, which key a query means in `selection.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from gpgmail.core.errors import KeyringError
from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.binary import find, require_secret
from gpgmail.gpg.librarian import Librarian
from gpgmail.keys.key import Key, Purpose, key_from_record
from gpgmail.keys.place import Kind, Place, absolute, locate
from gpgmail.keys.query import Query
from gpgmail.keys.remedy import Remedy
from gpgmail.keys.selection import Decision, Rules, Selection, decide
from gpgmail.keys.serving import Serving, has_keyboxd, own_home
from gpgmail.keys.trust import ALWAYS, GNUPG, Always, GnuPG, Trust, parse

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from gpgmail.core.errors import Candidate
    from gpgmail.gpg.config import Additions
    from gpgmail.gpg.home import Home


class Keyring:
    """The keys of one place, until `close()`; made by `Keyring.open`."""

    def __init__(self, where: str | os.PathLike[str] | bytes | None) -> None:
        self._where = absolute(where)
        self._serving = Serving()

    @classmethod
    def open(cls, where: str | os.PathLike[str] | bytes | None = None) -> Self:
        """Return the keyring at *where*: a directory, a file, or keys as bytes.

        Nothing given means the user's own home, GNUPGHOME or ~/.gnupg, which need not exist.

        Keys that are replaced while the keyring is open are seen by the next operation.

        Raises:
            KeyringError: If there is nothing, or nothing that could be a keyring; or if it is a
                home of another user, in which gpg does not work.
            UsageError: If *where* is neither a path nor bytes.
        """
        keyring = cls(where)
        locate(keyring._where)
        return keyring

    def close(self) -> None:
        """Give back what was prepared; the keyring can be used again, and prepares anew."""
        self._serving.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Keyring({_named(self._where)!r})"

    @property
    def kind(self) -> Kind:
        """What the place is now."""
        return self.place.kind

    @property
    def name(self) -> str:
        """The path, or words for bytes."""
        return self.place.name

    @property
    def place(self) -> Place:
        """Where the keys are now; keyrings of the same place are alike.

        Raises:
            KeyringError: If there is no keyring any more.
        """
        return locate(self._where)

    @property
    def default_trust(self) -> Trust:
        """The policy where the caller named none: who gives a file means the keys in it."""
        return ALWAYS if self.kind is Kind.FILE else GNUPG

    @property
    def has_keyboxd(self) -> bool:
        """Whether keyboxd keeps the public keys, so that gpg ignores `--keyring` beside them."""
        return has_keyboxd(self.place)

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
        return self._ask(Query.parse(query).for_gpg(), secret, run or Run())

    def find_signer(self, query: str, run: Run | None = None) -> Selection:
        """Return the one key with a secret part that *query* means and that can sign.

        An empty query means the first key that can.

        Raises:
            KeySelectionError: If there is none, or more than one.
            KeyringError: If the keys cannot be read.
            EngineError: If gpg is too old: it would know of none, which is not the reason.
        """
        return self.decide(query, Purpose.SIGN, run or Run()).selected()

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
        return self.decide(query, Purpose.ENCRYPT, run or Run(), trust=trust).selected()

    def why(
        self,
        query: str,
        purpose: str | Purpose = Purpose.ENCRYPT,
        run: Run | None = None,
        *,
        trust: str | Trust | None = None,
    ) -> tuple[Candidate, ...]:
        """Return every key that *query* could mean, and why each was taken or not.

        *purpose* is `encryption` or `signing`. What is shown is what `find_recipient` and
        `find_signer` go by.

        Raises:
            UsageError: If there is no such purpose.
            KeyringError: If the keys cannot be read.
        """
        return self.decide(query, Purpose.of(purpose), run or Run(), trust=trust).candidates

    def decide(
        self, query: str, purpose: Purpose, run: Run, *, trust: str | Trust | None = None
    ) -> Decision:
        """Return what *query* comes to: every candidate, and a selection or the error.

        Raises:
            KeyringError: If the keys cannot be read.
            EngineError: If gpg is too old for secret keys: it would know of none.
        """
        asked = Query.parse(query)
        signs = purpose is Purpose.SIGN
        if signs:
            require_secret(find("gpg"))
        rules = Rules(
            purpose=purpose,
            trust=ALWAYS if signs else self._policy(trust),
            now=datetime.now(UTC),
            place=self.name,
            certify=Remedy(self, run).certify,
        )
        return decide(self._ask(rules.for_gpg(asked), signs, run), asked, rules)

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
        return self.place.stamp()

    # ---- what gpg works with ----

    def public_home(self, run: Run) -> Home:
        """Return a home in which gpg finds the public keys, and no secret ones of a file.

        It is valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        return self._serving.public(self.place, run)

    def secret_home(self, run: Run, passphrases: Passphrases | None = None) -> Home:
        """Return a home in which gpg can work with the secret keys.

        Passphrases that know something are tried at an agent of our own, where that can be; without
        them the user's agent answers for a home. It is valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        asked = passphrases is not None and not passphrases.silent
        return self._serving.secret(self.place, run, own_agent=asked)

    def additions(self) -> Additions:
        """Return what the owner's gpg.conf adds to messages; nothing where he has no home.

        Raises:
            EngineError: If gpg.conf cannot be read, or gpgconf fails.
        """
        from gpgmail.gpg.config import Additions, additions

        place = self.place
        return additions(own_home(place)) if place.kind is Kind.HOME else Additions()

    def keyring_files(self, run: Run, fingerprints: Sequence[str] = ()) -> tuple[Path, ...]:
        """Return files that gpg can read with `--keyring` beside another home.

        *fingerprints* limits what keyboxd has to export; of other places all keys are there. The
        files are valid until `close()`.

        Raises:
            KeyringError: If the keys cannot be read.
        """
        return self._serving.files(self.place, run, fingerprints)

    # ---- within ----

    def _ask(self, patterns: Sequence[str], secret: bool, run: Run) -> tuple[Key, ...]:  # noqa: FBT001 - private
        place = self.place
        if not (place.public or has_keyboxd(place)):
            return ()
        self.additions()  # a gpg.conf that cannot be used is named, not what gpg makes of it
        serving = self._serving
        own_agent = not place.lists_in_place
        home = (
            serving.secret(place, run, own_agent=own_agent)
            if secret
            else serving.public(place, run)
        )
        try:
            records = Librarian(home, run).list_keys(*patterns, secret=secret)
        except KeyringError:
            _require_whole(place)
            raise
        if not records:
            _require_whole(place)
        return tuple(map(key_from_record, records))

    def _policy(self, trust: str | Trust | None) -> Trust:
        policy = self.default_trust if trust is None else parse(trust)
        if isinstance(policy, GnuPG) and self.additions().trust_model == "always":
            return Always("gpg.conf says trust-model always")
        return policy


def _require_whole(place: Place) -> None:
    """Name a keybox that is damaged: gpg finds no key in it, and may say nothing more."""
    from gpgmail.gpg.keybox import require_whole

    for ring in place.public:
        if not isinstance(ring, bytes):
            require_whole(ring, in_use=place.kind is Kind.HOME and place.lists_in_place)


def _named(where: Path | bytes | None) -> str:
    return "keys given as bytes" if isinstance(where, bytes) else str(where or "one's own home")
