"""Which home gpg gets for the keys of a place, and what is held for that.

A home is used where it is, a legacy directory or a file from a prepared home. A home in which gpg
cannot work, or would change what it may not, is served from one of our own that links to it.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from gpgmail.gpg.home import Home
from gpgmail.keys.place import Kind, Place, active_ring

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpgmail.core.run import Run
    from gpgmail.gpg.prepared import PreparedHome

_KEPT = 3  # homes for one purpose: operations in other threads may still work in an older one
_OTHERS = 0o077


class Serving:
    """The homes for one keyring; what `public`, `secret` and `files` return holds until `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[str, list[PreparedHome]] = {}
        self._warned = False

    def close(self) -> None:
        """Give back what was prepared."""
        with self._lock:
            shares = [share for held in self._shares.values() for share in held]
            self._shares.clear()
        for share in shares:
            share.close()

    def public(self, place: Place, run: Run) -> Home:
        """Return a home in which gpg finds the public keys, and no secret ones of a file."""
        home = self._own(place, run) if place.kind is Kind.HOME else None
        here = place.lists_in_place or has_keyboxd(place)
        if home is not None and home.writable and here:
            return home  # as most are: for these nothing is loaded that prepares others
        from gpgmail.gpg.prepared import Sources, empty_home, linked, prepare

        if home is not None:
            if not home.writable and (share := linked(home, run)) is not None:
                return self._hold("public", share)
            if here:
                return home
        if not place.public:
            return self._hold("public", empty_home(run))
        sources = Sources(public=place.public, trustdb=place.trustdb)
        return self._hold("public", prepare(sources, run))

    def secret(self, place: Place, run: Run, *, own_agent: bool) -> Home:
        """Return a home in which gpg can work with the secret keys.

        With *own_agent* the user's agent is left alone where that can be. Where it cannot run,
        ours does its work.
        """
        if place.kind is Kind.HOME:
            return self._secret_of_home(place, run, own_agent=own_agent)
        from gpgmail.gpg.filling import holds_secret
        from gpgmail.gpg.prepared import Sources, prepare

        if not any(map(holds_secret, place.secret)):
            return self.public(place, run)
        sources = Sources(public=place.public, secret=place.secret, trustdb=place.trustdb)
        return self._hold("secret", prepare(sources, run))

    def _secret_of_home(self, place: Place, run: Run, *, own_agent: bool) -> Home:
        from gpgmail.gpg.linking import first_use_writes
        from gpgmail.gpg.standing import agent_can_run

        home = self._own(place, run)
        reachable = agent_can_run(home)
        ours = own_agent or place.migration_pending or first_use_writes(home)
        if reachable and not ours:
            return home
        from gpgmail.gpg.prepared import linked, private_agent

        share = private_agent(home, run) if ours else None
        if share is None and not reachable:
            share = linked(home, run)
        return home if share is None else self._hold("secret", share)

    def files(self, place: Place, run: Run, fingerprints: Sequence[str]) -> tuple[Path, ...]:
        """Return files that gpg can read with `--keyring` beside another home."""
        from gpgmail.gpg.librarian import Librarian
        from gpgmail.gpg.prepared import Sources, linked, prepare

        home = self.public(place, run)
        if has_keyboxd(place):
            exported = Librarian(home, run).export_keys(fingerprints, armor=False)
            home = self._hold("files", prepare(Sources(public=(exported,)), run))
        elif ":" in os.fspath(home.directory) and (share := linked(home, run)) is not None:
            home = self._hold("files", share)  # gpg takes what stands before it for a kind of file
        ring = active_ring(home.directory)
        return home.keyrings if ring is None else (ring, *home.keyrings)

    def _own(self, place: Place, run: Run) -> Home:
        home = own_home(place)
        if not self._warned and home.directory.stat().st_mode & _OTHERS:
            self._warned = True
            run.status(f"{place.name} is open to other users: gpg wants mode 0700 there")
        return home

    def _hold(self, purpose: str, share: PreparedHome) -> Home:
        """Keep a share for each home, and let go of those whose keys were replaced long ago."""
        with self._lock:
            held = self._shares.setdefault(purpose, [])
            known = [one for one in held if one.home.directory == share.home.directory]
            held[:] = [*(one for one in held if one not in known), *(known or [share])]
            over = [*([share] if known else []), *held[:-_KEPT]]
            del held[:-_KEPT]
        for one in over:
            one.close()
        return share.home


def own_home(place: Place) -> Home:
    """Return a home as gpg works in it where it is."""
    from gpgmail.gpg.standing import writable

    if place.directory is None:
        raise AssertionError(place)  # only a home is asked
    # A check rewrites an old pubring.gpg; keyboxd has no file here.
    in_place = place.lists_in_place or not place.public or has_keyboxd(place)
    return Home(directory=place.directory, check_trust=in_place, writable=writable(place.directory))


def has_keyboxd(place: Place) -> bool:
    """Whether keyboxd keeps the public keys, so that gpg ignores `--keyring` beside them."""
    from gpgmail.gpg.linking import uses_keyboxd

    return (
        place.kind is Kind.HOME
        and place.directory is not None
        and uses_keyboxd(Home(directory=place.directory))
    )
