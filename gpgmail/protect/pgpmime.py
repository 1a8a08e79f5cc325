"""PGP/MIME (RFC 3156): a MIME entity becomes multipart/signed or multipart/encrypted.

What is signed is rendered once, kept, and sent as exactly those bytes. What is encrypted streams
into the engine and is never kept in clear. Part names are the ones that other clients look for.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation
from gpgmail.crypto.copies import encrypt as copies_of
from gpgmail.crypto.engine import Engine, Job, Made, SignatureMode
from gpgmail.message.part import Part, leaf, multipart, verbatim
from gpgmail.message.storage import IN_MEMORY, Spooled
from gpgmail.protect.armor import crlf_writer
from gpgmail.protect.source import watched

if TYPE_CHECKING:
    from gpgmail.core.run import Run
    from gpgmail.crypto.copies import Ciphertext, Shares


class Protected(NamedTuple):
    """A protected entity, and what the engine says that it did."""

    content: Part
    made: Made


def sign(
    content: Part, engine: Engine, job: Job, run: Run, *, in_memory: int = IN_MEMORY
) -> Protected:
    """Return *content* inside multipart/signed (RFC 3156 section 5).

    What is more than *in_memory* bytes lies in an anonymous file until it is sent.

    Raises:
        UnsupportedError: If it holds bytes that a relay may recode, which breaks the signature
            (section 3). Encrypted, they are safe.
    """
    if content.eight_bit:
        raise Situation.UNSUPPORTED_HERE.error(
            "a part that must not be changed has bytes above 127, which cannot be signed",
            subject="content",
            hint="encrypt it too, or attach that part as a file",
        )
    exact = Spooled(in_memory)
    for chunk in watched(content.render(), run):
        exact.write(chunk)
    signature = Spooled()
    job = replace(job, size=exact.size)
    made = engine.sign(job, exact.chunks(), crlf_writer(signature), SignatureMode.DETACHED, run)
    signed = multipart(
        "signed",
        (verbatim(exact.chunks, size=exact.size), _signature_part(signature)),
        parameters={"micalg": made.micalg, "protocol": "application/pgp-signature"},
    )
    return Protected(signed, made)


def encrypt(content: Part, engine: Engine, job: Job, run: Run) -> Protected:
    """Return *content* inside multipart/encrypted (RFC 3156 section 4).

    When the job has signers the signature is inside the same OpenPGP message (section 6.2).
    """
    return encrypt_copies(content, engine, job, (job.recipients,), run)[0]


def encrypt_copies(
    content: Part, engine: Engine, job: Job, shares: Shares, run: Run
) -> tuple[Protected, ...]:
    """Do the same for the keys of each of *shares*, which take the place of the job's."""
    job = replace(job, size=content.size)
    made, copies = copies_of(engine, job, watched(content.render(), run), shares, run)
    return tuple(Protected(_encrypted(copy), made) for copy in copies)


def nest_copies(
    content: Part, engine: Engine, job: Job, shares: Shares, run: Run
) -> tuple[Protected, ...]:
    """Sign *content*, then encrypt that as one part (RFC 3156 section 6.1).

    It is held in memory: what is to be encrypted lies on no disk in clear.
    """
    signed = sign(content, engine, replace(job, symmetric=None), run, in_memory=sys.maxsize)
    sealing = replace(job, signers=())
    return tuple(
        Protected(copy.content, copy.made._replace(signatures=signed.made.signatures))
        for copy in encrypt_copies(signed.content, engine, sealing, shares, run)
    )


def _encrypted(ciphertext: Ciphertext) -> Part:
    return multipart(
        "encrypted",
        (_control_part(), _ciphertext_part(ciphertext)),
        parameters={"protocol": "application/pgp-encrypted"},
    )


def _control_part() -> Part:
    return leaf(
        "application/pgp-encrypted",
        b"Version: 1\n",
        headers=(("Content-Description", "PGP/MIME version identification"),),
    )


def _ciphertext_part(ciphertext: Ciphertext) -> Part:
    headers = (
        ("Content-Type", 'application/octet-stream; name="encrypted.asc"'),
        ("Content-Description", "OpenPGP encrypted message"),
        ("Content-Disposition", 'inline; filename="encrypted.asc"'),
    )
    return Part(headers, ciphertext.chunks, ciphertext.size)


def _signature_part(signature: Spooled) -> Part:
    headers = (
        ("Content-Type", 'application/pgp-signature; name="signature.asc"'),
        ("Content-Description", "OpenPGP digital signature"),
        ("Content-Disposition", 'attachment; filename="signature.asc"'),
    )
    return Part(headers, signature.chunks, signature.size)
