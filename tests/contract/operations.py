"""The columns of the matrix: each does one thing with an engine and lets bare gpg judge it.

The judge is another process of gpg, of another version where there is one, on a home of its own
that has the same key. What is read was made by the judge.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.passphrases import Passphrases
from gpgmail.core.run import Run
from gpgmail.crypto.engine import ChosenKey, Job, SignatureMode, SignatureStatus
from gpgmail.delivery.choice import exact
from gpgmail.delivery.mailer import Mailer
from gpgmail.keys.keyrings import Keyrings
from gpgmail.message.draft import Draft
from gpgmail.protect.read import read
from gpgmail.testing import Sink
from tests.contract.axes import ENCRYPT, SIGN, KeyFacts, key_ids
from tests.crypto.helpers import TEXT, Gpg
from tests.servers.readers import encrypted_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpgmail.crypto.engine import Engine

_ALWAYS = ("--trust-model", "always")


@dataclass(frozen=True, slots=True)
class Work:
    """What an operation is done with, and who judges it."""

    engine: Engine
    where: Path | bytes
    key: KeyFacts
    judge: Gpg
    tmp: Path

    @contextmanager
    def job(self, *, sign=False, encrypt=False, hidden=False, secret=True) -> Iterator[Job]:
        """The job that a plan would make for the key."""
        run, rings = Run(timeout=60), Keyrings(self.where, trust="always")
        try:
            signer = (exact(rings.signer(self.key.fingerprint, run)),) if sign else ()
            to: tuple[ChosenKey, ...] = ()
            if encrypt:
                to = (exact(rings.recipient(self.key.fingerprint, run), hidden=hidden),)
            yield Job(
                home=rings.home(run, Passphrases(), secret=secret),
                signers=signer,
                recipients=to,
            )
        finally:
            rings.close()

    def by_this_key(self, status: str) -> bool:
        """Whether gpg found one good signature, of this key."""
        made = [line for line in status.splitlines() if " VALIDSIG " in line]
        good = status.count("[GNUPG:] GOODSIG ") == len(made) == 1
        return good and made[0].split()[-1] == self.key.fingerprint


@dataclass(frozen=True, slots=True)
class Operation:
    """A column: what it needs of a key, and of which it needs the secret part."""

    column: str
    do: Callable[[Work], None]
    needs: tuple[str, ...]
    secret: tuple[str, ...]
    made_by_others: bool = False


def _sign(work: Work, mode: SignatureMode, text: bytes = TEXT) -> bytes:
    pieces: list[bytes] = []
    with work.job(sign=True) as job:
        made = work.engine.sign(job, [text], pieces.append, mode, Run(timeout=60))
    assert len(made.signatures) == 1
    return b"".join(pieces)


def detached(work: Work) -> None:
    assert work.by_this_key(work.judge.verify(TEXT, _sign(work, SignatureMode.DETACHED), work.tmp))


def cleartext(work: Work) -> None:
    signed = _sign(work, SignatureMode.CLEARTEXT, b"Words\n- dash\nFrom here\n")
    assert work.by_this_key(work.judge.status("--verify", stdin=signed))
    assert b"\n- - dash\n" in signed


def opaque(work: Work) -> None:
    signed = _sign(work, SignatureMode.OPAQUE)
    assert work.judge("--decrypt", stdin=signed) == TEXT
    assert work.by_this_key(work.judge.status("--decrypt", stdin=signed))


def _encrypt(work: Work, **how: bool) -> str:
    """The judge's status lines for what the engine encrypted, whose text was right."""
    pieces: list[bytes] = []
    with work.job(encrypt=True, secret=bool(how.get("sign")), **how) as job:
        work.engine.encrypt(job, [TEXT], pieces.append, Run(timeout=60))
    # Where recipients are hidden gpg tries keys, and ends with 2 though the last one opened it.
    ran = work.judge.run("--status-fd", "2", "--decrypt", stdin=b"".join(pieces))
    assert ran.stdout == TEXT
    told = ran.stderr.decode()
    assert "[GNUPG:] DECRYPTION_OKAY" in told
    return told


def encrypt(work: Work) -> None:
    told = _encrypt(work)
    assert "GOODSIG" not in told
    assert len(set(key_ids(told)) - {"0" * 16}) == 1


def sign_encrypt(work: Work) -> None:
    assert work.by_this_key(_encrypt(work, sign=True))


def hidden(work: Work) -> None:
    assert set(key_ids(_encrypt(work, hidden=True))) == {"0" * 16}


def _decrypt(work: Work, to: str) -> None:
    message = work.judge(*_ALWAYS, to, work.key.fingerprint, "--encrypt", stdin=TEXT)
    pieces: list[bytes] = []
    with work.job() as job:
        opened = work.engine.decrypt(job, [message], pieces.append, Run(timeout=60))
    assert b"".join(pieces) == TEXT
    assert opened.decrypted
    assert opened.protected


def decrypt(work: Work) -> None:
    _decrypt(work, "--recipient")


def decrypt_hidden(work: Work) -> None:
    _decrypt(work, "--hidden-recipient")


def verify(work: Work) -> None:
    signature = work.judge("-u", work.key.fingerprint, "--detach-sign", stdin=TEXT)
    opaquely = work.judge("-u", work.key.fingerprint, "--sign", stdin=TEXT)
    pieces: list[bytes] = []
    with work.job(secret=False) as job:
        run = Run(timeout=60)
        seen = [
            *work.engine.verify(job, [TEXT], signature, run).signatures,
            *work.engine.verify_inline(job, [opaquely], pieces.append, run).signatures,
            *work.engine.verify(job, [TEXT + b" "], signature, run).signatures,
        ]
    assert b"".join(pieces) == TEXT
    statuses = [one.status for one in seen]
    assert statuses == [SignatureStatus.GOOD, SignatureStatus.GOOD, SignatureStatus.BAD]
    assert {one.primary for one in seen[:2]} == {work.key.fingerprint}


def _mail(work: Work, *, encrypt: bool) -> None:
    draft = Draft(from_=work.key.address, to=work.key.address, subject="Grüße", text="The words.\n")
    options = {"keyring": work.where, "engine": work.engine.name}
    with Sink() as sink, Mailer(sink.url, trust="always", timeout=60, **options) as mailer:
        mailer.send(draft, sign=True, encrypt=encrypt)
        (arrived,) = sink.received
    got = read(
        arrived.data, timeout=60, require_signature=True, require_encryption=encrypt, **options
    )
    assert got.verdict.by_author
    assert got.verdict.problems == ()
    assert got.parts[0].text.splitlines() == ["The words."]
    if encrypt:
        sealed = encrypted_part(arrived.data)
        assert work.by_this_key(work.judge.status("--decrypt", stdin=sealed))


def signed_mail(work: Work) -> None:
    _mail(work, encrypt=False)


def sealed_mail(work: Work) -> None:
    _mail(work, encrypt=True)


BOTH = (SIGN, ENCRYPT)
OPERATIONS = (
    Operation("detached", detached, (SIGN,), (SIGN,)),
    Operation("cleartext", cleartext, (SIGN,), (SIGN,)),
    Operation("opaque", opaque, (SIGN,), (SIGN,)),
    Operation("encrypt", encrypt, (ENCRYPT,), ()),
    Operation("sign and encrypt", sign_encrypt, BOTH, (SIGN,)),
    Operation("hide recipient", hidden, (ENCRYPT,), ()),
    Operation("decrypt", decrypt, (ENCRYPT,), (ENCRYPT,), made_by_others=True),
    Operation("decrypt as hidden", decrypt_hidden, (ENCRYPT,), (ENCRYPT,), made_by_others=True),
    Operation("verify", verify, (SIGN,), (), made_by_others=True),
    Operation("signed mail", signed_mail, (SIGN,), (SIGN,)),
    Operation("sealed mail", sealed_mail, BOTH, BOTH),
)
