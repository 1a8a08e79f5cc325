"""The engine's runs for one mail: within its limits, with what they said kept for the verdict.

A failed decryption is raised. A signature that cannot be checked is a problem and no error: its
text is there to be read all the same, without a verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgmail.core.errors import CryptoError, MessageError
from gpgmail.crypto.engine import Job, Opened
from gpgmail.gpg.armor import readable
from gpgmail.protect.armor import armored, is_encrypted, kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpgmail.core.passphrases import Passphrases
    from gpgmail.core.run import Run
    from gpgmail.crypto.engine import Engine
    from gpgmail.keys.keyrings import Keyrings
    from gpgmail.message.walk import Entity
    from gpgmail.protect.limits import Budget


class Desk:
    """Decrypts and verifies for one mail; `opened` and `problems` are what came of it."""

    def __init__(
        self,
        engine: Engine,
        keyrings: Keyrings,
        passphrases: Passphrases,
        budget: Budget,
        run: Run,
    ) -> None:
        self.opened: list[Opened] = []
        self.problems: list[str] = []
        self._engine = engine
        self._keyrings = keyrings
        self._passphrases = passphrases
        self._budget = budget
        self._run = run

    def content(self, entity: Entity) -> bytes:
        """Return the decoded body of *entity*, or as it came where it does not decode."""
        try:
            return entity.decoded()
        except MessageError as error:
            self.problems.append(f"{entity.name or entity.content_type}: {error.detail}")
            return entity.body

    def message(self, data: bytes) -> tuple[Opened, bytes]:
        """Open an OpenPGP message that is encrypted or signed.

        Raises:
            EngineError: If it does not open.
        """
        in_clear = kind(data) == b"SIGNED MESSAGE"
        if in_clear or not is_encrypted(data):
            return self.signed_text((data,))
        return self.decrypt(data)

    def decrypt(self, ciphertext: bytes) -> tuple[Opened, bytes]:
        """Decrypt an OpenPGP message.

        Raises:
            EngineError: If it does not open.
        """
        plain = bytearray()
        sink = self._budget.sink(plain)
        job = self._job(secret=True)
        source = (readable(armored(ciphertext)),)
        opened = self._engine.decrypt(job, source, sink, self._run)
        self.opened.append(opened)
        return opened, bytes(plain)

    def signed_text(self, forms: Iterable[bytes]) -> tuple[Opened, bytes]:
        """Verify a signed text or message that may have any of *forms*; return what was signed.

        Raises:
            CryptoError: If it holds no signature that can be checked.
        """
        first: tuple[Opened, bytes] | None = None
        for form in forms:
            text = bytearray()
            source, sink = iter((readable(form),)), self._budget.sink(text)
            try:
                opened = self._engine.verify_inline(self._job(), source, sink, self._run)
            except CryptoError:
                if first is None:
                    raise
                continue
            first = first or (opened, bytes(text))
            if not opened.bad:
                first = opened, bytes(text)
                break
        if first is None:
            raise AssertionError("there is always a first form")
        self.opened.append(first[0])
        return first

    def detached(self, forms: Iterable[bytes], signature: bytes) -> tuple[Opened, bytes | None]:
        """Verify a detached *signature* over one of *forms*; return that one, None if over none."""
        signature = readable(signature)
        first: Opened | None = None
        over: bytes | None = None
        for form in forms:
            try:
                signed = iter((self._budget.verify(form),))
                opened = self._engine.verify(self._job(), signed, signature, self._run)
            except CryptoError as error:
                self.problems.append(str(error))
                return Opened(), None
            first = first or opened
            if not opened.bad:
                first, over = opened, form
                break
        first = first or Opened()
        self.opened.append(first)
        return first, over

    def covers(self, forms: Iterable[bytes], signature: bytes) -> tuple[Opened, bytes] | None:
        """Tell over which of *forms* a signature is that is not known to be over any of them."""
        problems, opened = list(self.problems), list(self.opened)
        verdict, over = self.detached(forms, signature)
        if over is not None:
            return verdict, over
        self.problems, self.opened = problems, opened
        return None

    def _job(self, *, secret: bool = False) -> Job:
        self._budget.run()
        home = self._keyrings.home(self._run, self._passphrases, secret=secret)
        return Job(home=home, passphrases=self._passphrases)
