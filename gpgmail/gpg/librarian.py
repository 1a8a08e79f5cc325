"""`Librarian`: listing and exporting keys, done by python-gnupg in our homes.

Here stands what callers see and how a run's outcome is judged; how python-gnupg is tamed is in
`python_gnupg.py`, which is imported at the first question because it costs as much as the rest.
gpg's exit code is judged: a damaged keyring lists fewer keys and says so only there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpgmail.core.run import Run
    from gpgmail.gpg.home import Home
    from gpgmail.gpg.python_gnupg import Outcome

# libgpg-error: no public key, no secret key; and no id, as gpg 2.2 says of 64 digits.
_NOT_FOUND = frozenset({9, 17, 37})
_NO_COMPLAINTS = ("[GNUPG:]", "checking the trustdb", "marginals needed", "depth:", "next trustdb")
_UNREACHED = "can't connect to the keyboxd"
# A key of one's own was deleted, and its trust stayed behind.
_UNTRUE_TRUST = "public key of ultimately trusted key"


class KeyRecord(NamedTuple):
    """A key of a listing: the fields of doc/DETAILS by python-gnupg's names, decoded, as text.

    `primary` and each of `subkeys` have `fingerprint` and `keygrip` besides.
    """

    primary: Mapping[str, str]
    user_ids: tuple[Mapping[str, str], ...]
    subkeys: tuple[Mapping[str, str], ...]


class Librarian:
    """Asks gpg about the keys of a home; one process a call, none before."""

    def __init__(self, home: Home, run: Run) -> None:
        self._home = home
        self._run = run

    def list_keys(
        self, *queries: str, secret: bool = False, check_trust: bool = True
    ) -> tuple[KeyRecord, ...]:
        """Return the public keys that match one of *queries*, or all of them.

        With *secret* each (sub)key says whether its secret part is here, which asks the agent.
        Without *check_trust* validity is what gpg knew at its last check: a check rewrites an old
        pubring.gpg.

        Raises:
            KeyringError: If gpg could not read the keyring to its end.
        """
        from gpgmail.gpg.trouble import require_agent

        options = ["--with-secret"] if secret else []
        options += [] if check_trust else ["--no-auto-check-trustdb"]
        outcome = self._listing(queries, options)
        if outcome.returncode and any(_UNTRUE_TRUST in line for line in outcome.messages):
            # The check of trust failed, not the listing; it is done now and is not made again.
            outcome = self._listing(queries, options)
        if secret:
            require_agent(self._home, "\n".join(outcome.messages))
        if outcome.returncode and not _only_missing(outcome):
            raise Situation.KEYRING_UNREADABLE.error(self._complaint(outcome), subject=self._place)
        return outcome.records

    def export_keys(self, fingerprints: Sequence[str], *, armor: bool = True) -> bytes:
        """Return public keys as one export.

        Raises:
            KeyringError: If a key is not there or could not be read.
        """
        from gpgmail.gpg.python_gnupg import python_gnupg

        with python_gnupg(self._home, self._run, "exporting keys") as gpg:
            outcome = gpg.exporting(fingerprints, armor=armor)
        if outcome.returncode or not outcome.data:
            raise Situation.KEY_UNREADABLE.error(
                self._complaint(outcome), subject=", ".join(fingerprints)
            )
        return outcome.data

    def _listing(self, queries: Sequence[str], options: Sequence[str]) -> Outcome:
        from gpgmail.gpg.python_gnupg import python_gnupg

        with python_gnupg(self._home, self._run, "listing keys") as gpg:
            return gpg.listing(queries, *options)

    @property
    def _place(self) -> str:
        return ", ".join(map(shown, self._home.keyrings or (self._home.directory,)))

    def _complaint(self, outcome: Outcome) -> str:
        messages = (line.removeprefix("gpg: ") for line in outcome.messages)
        lines = [line for line in messages if not line.startswith(_NO_COMPLAINTS)]
        # What comes after that is an input/output error of keys that gpg never saw.
        unreached = next((line for line in lines if _UNREACHED in line), None)
        said = unreached or (lines[-1] if lines else f"exit code {outcome.returncode}")
        return f"gpg could not read all of it: {said}"


def _only_missing(outcome: Outcome) -> bool:
    """Whether gpg failed for no other reason than that no key matched."""
    errors = [line for line in outcome.status if line.keyword == "ERROR"]
    return (
        not outcome.records
        and bool(errors)
        and all(
            line.get("location") == "keylist.getkey" and line.error in _NOT_FOUND for line in errors
        )
    )
