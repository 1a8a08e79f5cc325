"""`Bench`: a throwaway GNUPGHOME in which the keys of one situation are made by real gpg.

Rules: gpg runs with a set clock, so that a key is as old as its situation says; no passphrase goes
in argv, though these are published; no bench outlives its `with`, nor does its agent. What the
situations are stands in `situations.py`; `fixtures/keyrings/` makes the committed ones of the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from gpgmail.core.run import Run
from gpgmail.core.situations import Situation
from gpgmail.gpg.home import Home
from gpgmail.gpg.runner import execute
from gpgmail.gpg.status import select
from gpgmail.testing.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gpgmail.gpg.operation import Result

    Files = Mapping[str, bytes]
    Standing = Callable[[str], Files]

CREATED = "20240102T030405"
"""When keys are made, unless a situation says otherwise."""
LATER = "20240203T040506"
"""When something happens to a key that stood: a revocation is younger than what it revokes."""

KEPT = (
    "pubring.kbx",
    "pubring.gpg",
    "secring.gpg",
    "trustdb.gpg",
    "gpg.conf",
    ".gpg-v21-migrated",
    "private-keys-v1.d/*.key",
)
"""The keyring in a home; sockets, locks, seed, backups and tofu.db are not kept."""

# The least count that gpg takes, so that a test does not pay 0.4 s for each use of a protected key.
# With one given, the agent does not spend a second on finding its own either. No cache: who has the
# wrong passphrase shall see it.
AGENT_OPTIONS = """\
s2k-count 65536
default-cache-ttl 0
allow-loopback-pinentry
"""


def none_stands(situation: str) -> Files:
    """Say that there are no other situations to copy from."""
    raise Situation.BAD_VALUE.error("there is no such situation here", subject=repr(situation))


class Bench:
    """A context manager: inside, `path` is a home, empty or with the files of another situation.

    The directory has mode 0700 and a short path. At the end its agent is stopped and it is removed;
    after a crash the next bench that is made sweeps it away. *standing* gives the files of a
    situation by its name. `user_ids` has the first user id of each key that was made here or on a
    bench beside.
    """

    def __init__(
        self,
        copy_of: str = "",
        *,
        standing: Standing = none_stands,
        user_ids: dict[str, str] | None = None,
        run: Run | None = None,
    ) -> None:
        self.user_ids = {} if user_ids is None else user_ids
        self._copy_of = copy_of
        self._standing = standing
        self._run = run or Run()
        self._place = Place(type(self).__name__)

    @property
    def path(self) -> Path:
        """The home."""
        return self._place.path

    def __enter__(self) -> Self:
        files = self._standing(self._copy_of) if self._copy_of else {}
        self._place.open(lambda home: furnish(home, files), self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._place.close()

    def beside(self, copy_of: str = "") -> Bench:
        """Return another bench, empty or with the files of a situation that stands."""
        return Bench(copy_of, standing=self._standing, user_ids=self.user_ids, run=self._run)

    def files(self) -> dict[str, bytes]:
        """Return the files that make the keyring, by name relative to the home."""
        found = sorted(path for pattern in KEPT for path in self.path.glob(pattern))
        return {str(path.relative_to(self.path)): path.read_bytes() for path in found}

    def gpg(self, *arguments: str, given: bytes | str = b"", at: str = CREATED) -> bytes:
        """Run gpg at the time *at*, today where it is empty, with *given* on its standard input.

        Returns:
            What it wrote on its standard output.

        Raises:
            KeyringError: If it failed.
        """
        return self._ran(arguments, given, at).output

    def unlocked(self, passphrase: str, *arguments: str, at: str = CREATED) -> bytes:
        """Run gpg on a secret key; an empty passphrase means an unprotected one."""
        return self._unlocked(passphrase, arguments, at).output

    def new_key(
        self,
        uid: str,
        *,
        algorithm: str = "ed25519",
        usage: str = "cert,sign",
        subkeys: tuple[tuple[str, str], ...] = (("cv25519", "encr"),),
        passphrase: str = "",
        expires: str = "never",
        at: str = CREATED,
    ) -> str:
        """Make a key, ultimately trusted as gpg does by itself, and return its fingerprint."""
        # Without --yes gpg refuses a second key of the same user id.
        words = ("--yes", "--quick-gen-key", "--", uid, algorithm, usage, expires)
        result = self._unlocked(passphrase, words, at)
        fingerprint = next(select(result.status, "KEY_CREATED")).get("fingerprint")
        # With an algorithm named, --quick-gen-key makes no encryption subkey.
        for kind, purpose in subkeys:
            self.add_subkey(fingerprint, kind, purpose, passphrase=passphrase, at=at)
        self.user_ids[fingerprint] = uid
        return fingerprint

    def add_subkey(
        self,
        key: str,
        algorithm: str,
        usage: str,
        *,
        passphrase: str = "",
        expires: str = "never",
        at: str = CREATED,
    ) -> None:
        """Add a subkey."""
        self.unlocked(passphrase, "--quick-add-key", key, algorithm, usage, expires, at=at)

    def edit(self, key: str, *commands: str) -> None:
        """Give --edit-key its commands and save."""
        self.gpg("--command-fd", "0", "--edit-key", key, given="\n".join((*commands, "save", "")))

    def revoke(self, key: str) -> None:
        """Revoke a key made here, with the certificate that gpg stored when it made the key."""
        stored = (self.path / "openpgp-revocs.d" / f"{key}.rev").read_text("utf-8")
        # A colon guards the certificate against being imported by accident.
        self.gpg("--import", given=stored.replace("\n:-----BEGIN", "\n-----BEGIN"), at=LATER)

    def export(self, *keys: str, armor: bool = False) -> bytes:
        """Return the public keys, binary or armored."""
        return self.gpg(*(["--armor"] if armor else []), "--export", *keys)

    def export_secret(self, *keys: str, armor: bool = False, passphrase: str = "") -> bytes:
        """Return the secret keys, still protected if they are."""
        form = ["--armor"] if armor else []
        return self.unlocked(passphrase, *form, "--export-secret-keys", *keys)

    def export_secret_subkeys(self, key: str) -> bytes:
        """Return the secret subkeys with a stub in place of the primary key."""
        return self.unlocked("", "--export-secret-subkeys", key)

    def fetch(self, situation: str, *keys: str) -> None:
        """Import the public keys of a situation that stands."""
        with self.beside(situation) as other:
            self.gpg("--import", given=other.export(*keys))

    def _unlocked(self, passphrase: str, arguments: tuple[str, ...], at: str) -> Result:
        loopback = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")
        return self._ran((*loopback, *arguments), f"{passphrase}\n", at)

    def _ran(self, arguments: tuple[str, ...], given: bytes | str, at: str) -> Result:
        clock = ("--faked-system-time", f"{at}!") if at else ()
        data = given.encode() if isinstance(given, str) else given
        own = Home(directory=self.path)
        words = ("--quiet", *clock, *arguments)
        result = execute(own, words, run=self._run, source=(data,) if data else ())
        if not result.ok:
            what = next((word for word in arguments if word.startswith("--quick")), "gpg")
            raise Situation.KEY_CREATE.error(result.stderr.strip(), subject=what.removeprefix("--"))
        return result


def furnish(home: Path, files: Files) -> None:
    """Make a home for gpg >= 2.1 of an empty directory, with *files* and an agent's options."""
    (home / "private-keys-v1.d").mkdir(mode=0o700)
    fill(home, {"gpg-agent.conf": AGENT_OPTIONS.encode(), **files})


def fill(directory: Path, files: Files) -> None:
    """Write *files* into a directory, with the modes that gpg wants."""
    for name, content in files.items():
        target = directory / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(content)
