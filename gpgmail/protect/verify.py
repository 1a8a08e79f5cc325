"""`verify`: a mail held strictly against RFC 3156, its signatures and what is inside included."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from gpgmail.core.errors import EngineError, GpgmailError
from gpgmail.core.passphrases import Passphrases, PassphraseSource
from gpgmail.core.run import DEFAULT_TIMEOUT, Run
from gpgmail.crypto.engine import Opened, SignatureStatus
from gpgmail.crypto.engines import AUTO
from gpgmail.crypto.engines import engine as get_engine
from gpgmail.keys.keyrings import Keyrings, Where
from gpgmail.message import walk
from gpgmail.protect import shapes
from gpgmail.protect.desk import Desk
from gpgmail.protect.findings import Finding, Rule, Severity
from gpgmail.protect.limits import MOST_BYTES, MOST_LAYERS, Budget
from gpgmail.protect.read import load
from gpgmail.protect.strict import Inspector

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from gpgmail.crypto.engine import SignatureSeen
    from gpgmail.message.walk import Entity

_WEAK = frozenset({"MD5", "SHA1", "RIPEMD160"})
_INSIDE = "inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `verify` found: nothing, where the mail keeps every rule.

    `signatures` are all that were checked. `failure` is why a ciphertext did not open.
    """

    findings: tuple[Finding, ...]
    signatures: tuple[SignatureSeen, ...] = ()
    decrypted: bool = False
    failure: GpgmailError | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that break a MUST."""
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def ok(self) -> bool:
        """Whether no MUST is broken; warnings may be there."""
        return not self.errors


def verify(
    source: bytes | str | os.PathLike[str] | BinaryIO,
    *,
    keyring: Where = None,
    more_keyrings: Sequence[Where] = (),
    passphrase: PassphraseSource = None,
    most_bytes: int = MOST_BYTES,
    engine: str = AUTO,
    timeout: float = DEFAULT_TIMEOUT,
    run: Run | None = None,
) -> Report:
    """Check strictly whether a mail keeps the rules of PGP/MIME, given as bytes, path or stream.

    Structure, parameters, line ends, what may not pass a mail server unchanged, armor, micalg and
    signatures are held against RFC 3156, RFC 9580, RFC 1847, RFC 2045 and RFC 5322. What is
    encrypted is opened with *keyring* and looked at in the same way. The other arguments are as for
    `read`, which forgives what is found here.

    Raises:
        MessageError: If the source cannot be read, or is no mail that has one meaning alone.
        UsageError: If an argument cannot be used.
    """
    run = run or Run(timeout=timeout)
    budget = Budget(most_bytes)
    root = walk.parse(load(source, budget, run))
    with ExitStack() as held:
        doing = held.enter_context(closing(get_engine(engine)))
        keyrings = held.enter_context(closing(Keyrings(keyring, more_keyrings)))
        desk = Desk(doing, keyrings, Passphrases.of(passphrase), budget, run)
        work = _Work(desk)
        findings = [*Inspector(root).mail(), *work.protections(root)]
    order = {severity: at for at, severity in enumerate(Severity)}
    found = sorted(dict.fromkeys(findings), key=lambda one: order[one.severity])
    return Report(
        findings=tuple(found),
        signatures=tuple(work.signatures),
        decrypted=work.decrypted,
        failure=work.failure,
    )


class _Work:
    """Has gpg check what is signed and open what is encrypted."""

    def __init__(self, desk: Desk) -> None:
        self.signatures: list[SignatureSeen] = []
        self.decrypted = False
        self.failure: GpgmailError | None = None
        self._desk = desk

    def protections(self, root: Entity, place: str = "", layers: int = 0) -> Iterator[Finding]:
        """Yield what is wrong with the protections of *root* and of all that is in them."""
        look = Inspector(root, place)
        for part, entity in _numbered(root):
            if shapes.is_signed(entity) and len(entity.children) > 1:
                yield from self._signed(look, entity, part)
            elif (sealed := shapes.sealed(entity)) is not None and layers < MOST_LAYERS:
                yield from self._sealed(look, sealed.ciphertext, part, layers)
            elif shapes.is_text(entity):
                yield from self._text(look, entity, part)

    def _signed(self, look: Inspector, entity: Entity, part: str) -> Iterator[Finding]:
        signed, signature = entity.children[:2]
        before = len(self._desk.problems)
        opened, over = self._desk.detached(_forms(signed.raw), self._desk.content(signature))
        for problem in self._desk.problems[before:]:
            yield look.finding(Rule.SIGNATURE, part, signature.start, problem)
        mangled = over is None and opened.bad
        if mangled and self._desk.covers(_mangled(signed.raw), signature.decoded()):
            yield look.finding(Rule.SIGNED_FORM, part, signed.start)
        yield from self._judged(look, opened, part, signature.start)
        hashes = {f"pgp-{seen.digest.lower()}" for seen in opened.signatures if seen.digest}
        stated = {word.strip().lower() for word in entity.params.get("micalg", "").split(",")}
        if hashes and stated not in ({""}, hashes):
            true = ",".join(sorted(hashes))
            detail = f"{','.join(sorted(stated))}, not {true}"
            yield look.finding(Rule.MICALG_UNTRUE, part, entity.start, detail)

    def _sealed(
        self, look: Inspector, ciphertext: Entity, part: str, layers: int
    ) -> Iterator[Finding]:
        try:
            opened, plain = self._desk.decrypt(self._desk.content(ciphertext))
        except EngineError as error:
            self.failure = self.failure or error
            yield look.finding(Rule.NOT_OPENED, part, ciphertext.body_start, str(error))
            return
        self.decrypted = True
        yield from self._judged(look, opened, part, None)
        if b"\n" in plain.replace(b"\r\n", b""):
            yield look.finding(Rule.INSIDE_LINE_ENDS, part)
        if not plain.strip():
            return
        inner = walk.parse(plain)
        place = " ".join(filter(None, (_INSIDE, part)))
        inspector = Inspector(inner, place)
        yield from inspector.parts()
        if opened.signatures:
            yield from inspector.signed_content(inner)
        yield from self.protections(inner, place, layers + 1)

    def _text(self, look: Inspector, entity: Entity, part: str) -> Iterator[Finding]:
        """Check OpenPGP in a text; that it is there is a finding of its own."""
        from gpgmail.protect.armor import find_blocks

        for block in find_blocks(self._desk.content(entity)).blocks:
            try:
                signed = block.cleartext_signed
                check = self._desk.signed_text if signed else None
                opened, _ = check((block.data,)) if check else self._desk.message(block.data)
            except EngineError as error:
                self.failure = self.failure or error
                yield look.finding(Rule.NOT_OPENED, part, entity.body_start, str(error))
                continue
            self.decrypted = self.decrypted or opened.decrypted
            yield from self._judged(look, opened, part, entity.body_start)

    def _judged(
        self, look: Inspector, opened: Opened, part: str, at: int | None
    ) -> Iterator[Finding]:
        self.signatures += opened.signatures
        for seen in opened.signatures:
            if seen.status is not SignatureStatus.GOOD:
                who = f"{seen.user_id} {seen.fingerprint or seen.key_id}".strip()
                yield look.finding(Rule.SIGNATURE, part, at, f"{seen.status}, by {who}")
            if seen.digest.upper() in _WEAK:
                yield look.finding(Rule.HASH_WEAK, part, at, seen.digest)


def _numbered(root: Entity) -> Iterator[tuple[str, Entity]]:
    """Yield the parts with their places; of an embedded mail only that it is one."""
    waiting: list[tuple[str, Entity]] = [("", root)]
    while waiting:
        part, entity = waiting.pop()
        yield part, entity
        if entity.content_type == "message/rfc822":
            continue
        numbered = enumerate(entity.children, 1)
        waiting += reversed([(f"{part}.{n}" if part else str(n), child) for n, child in numbered])


def _forms(raw: bytes) -> tuple[bytes, ...]:
    """Return the one form in which the signed part must be, whichever way it is stored."""
    return (raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),)


def _mangled(raw: bytes) -> Iterator[bytes]:
    """Yield the forms that `read` would take too, to tell a change on the way from a forgery."""
    from gpgmail.protect import forms

    return forms.of_entity(raw)
