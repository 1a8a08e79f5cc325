"""What gpg's status lines say of a message that it opened: pure, lines in, values out.

gpg's exit code alone proves nothing: a message cut short inside a session key ends with 0, and a
change near the end with a bad signature and no word about the encryption. So success is what was
said in so many words, exactly once, and everything else is a failure. Keywords are those of
GnuPG's doc/DETAILS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpgmail.core.codes import ErrorCode
from gpgmail.core.situations import Situation
from gpgmail.crypto.engine import Opened, SignatureSeen, SignatureStatus
from gpgmail.crypto.packets import HIDDEN
from gpgmail.gpg import status
from gpgmail.gpg.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpgmail.core.errors import GpgmailError
    from gpgmail.gpg.judge import Ended
    from gpgmail.gpg.status import StatusLine

_VERDICTS = {
    "GOODSIG": SignatureStatus.GOOD,
    "BADSIG": SignatureStatus.BAD,
    "EXPSIG": SignatureStatus.EXPIRED_SIGNATURE,
    "EXPKEYSIG": SignatureStatus.EXPIRED_KEY,
    "REVKEYSIG": SignatureStatus.REVOKED_KEY,
    "ERRSIG": SignatureStatus.ERROR,
}
_VALIDITIES = {
    "TRUST_UNDEFINED": "undefined",
    "TRUST_NEVER": "never",
    "TRUST_MARGINAL": "marginal",
    "TRUST_FULLY": "full",
    "TRUST_ULTIMATE": "ultimate",
}
_MADE_WITH_A_KEY = {
    SignatureStatus.GOOD,
    SignatureStatus.EXPIRED_SIGNATURE,
    SignatureStatus.EXPIRED_KEY,
    SignatureStatus.REVOKED_KEY,
}
# At the first of these gpg in batch mode ends, with all of the text out.
_STOPS = {SignatureStatus.BAD: "BADSIG", SignatureStatus.EXPIRED_SIGNATURE: "EXPSIG"}
_OVER_DATA = {"00", "01"}  # signature types of documents (RFC 9580 section 5.2.1)
_NO_PUBLIC_KEY = "9"  # reason of ERRSIG
_NO_SECRET_KEY = 17  # of libgpg-error
_REFUSED = "symkey_decrypt.maybe_error"  # where an ERROR was that a message's passphrase made


def signatures(lines: Iterable[StatusLine]) -> tuple[SignatureSeen, ...]:
    """Return every signature that gpg looked at, in the order of the message."""
    groups: list[list[StatusLine]] = []
    for line in lines:
        if line.keyword == "NEWSIG":
            groups.append([])
        if groups:
            groups[-1].append(line)
    return tuple(map(_signature, groups))


def _signature(lines: Sequence[StatusLine]) -> SignatureSeen:
    by_keyword = {line.keyword: line for line in lines}
    verdicts = [line for line in lines if line.keyword in _VERDICTS]
    if len(verdicts) != 1:
        return SignatureSeen(status=SignatureStatus.ERROR, key_id="")
    verdict = verdicts[0]
    if verdict.keyword == "ERRSIG":
        return _unchecked(verdict)
    seen = SignatureSeen(
        status=_VERDICTS[verdict.keyword],
        key_id=status.key_id(verdict.get("key_id")),
        user_id=verdict.get("user_id"),
    )
    validity = next((_VALIDITIES[word] for word in by_keyword if word in _VALIDITIES), "unknown")
    return _with_key(seen, by_keyword.get("VALIDSIG"), validity)


def _with_key(seen: SignatureSeen, valid: StatusLine | None, validity: str) -> SignatureSeen:
    """Add what VALIDSIG says; a signature that is said to be good without it is not."""
    if seen.status not in _MADE_WITH_A_KEY:
        return seen
    if valid is None or valid.get("type") not in _OVER_DATA:
        return replace(seen, status=SignatureStatus.ERROR)
    return replace(
        seen,
        fingerprint=valid.get("fingerprint"),
        primary=valid.get("primary") or valid.get("fingerprint"),
        created=valid.time("created"),
        key_algorithm=status.algorithm(status.PUBLIC_KEY_ALGORITHMS, valid.get("key_algorithm")),
        digest=status.algorithm(status.HASHES, valid.get("digest")),
        validity=validity,
    )


def _unchecked(line: StatusLine) -> SignatureSeen:
    missing = line.get("reason") == _NO_PUBLIC_KEY
    return SignatureSeen(
        status=SignatureStatus.MISSING_KEY if missing else SignatureStatus.ERROR,
        key_id=status.key_id(line.get("key_id")),
        created=line.time("created"),
        key_algorithm=status.algorithm(status.PUBLIC_KEY_ALGORITHMS, line.get("key_algorithm")),
        digest=status.algorithm(status.HASHES, line.get("digest")),
    )


def verified(ended: Ended, *, texts: int) -> Opened:
    """Return the verdicts on a signed message that holds *texts* signed texts: 0 if detached.

    Raises:
        CryptoError: If it is not exactly one message with signatures (105, 119, 141).
    """
    seen = signatures(ended.status)
    if not seen or _twisted(ended.status):
        raise judge(ended, Situation.VERIFY_FAILED)
    if sum(line.keyword == "PLAINTEXT" for line in ended.status) != texts:
        raise Situation.VERIFY_FAILED.error("the signatures do not stand over exactly one text")
    _refuse_unexplained(ended, seen, Situation.VERIFY_FAILED)
    return Opened(signatures=seen)


def refused_passphrase(ended: Ended) -> bool:
    """Tell whether a message did not take its passphrase, and nothing else opened it."""
    said = (line.get("location") for line in status.select(ended.status, "ERROR"))
    opened = any(status.select(ended.status, "PLAINTEXT", "DECRYPTION_KEY"))
    return _REFUSED in said and not opened


def stopped_at_signature(ended: Ended) -> bool:
    """Tell whether gpg ended at a bad or expired signature, with nothing said after it."""
    stops = any(status.select(ended.status, *_STOPS.values()))
    return stops and not any(status.select(ended.status, "END_DECRYPTION"))


def decrypted(ended: Ended, proof: Ended | None = None) -> Opened:
    """Return what a message was and whose signatures stand inside its encryption.

    Where gpg stopped at a bad or expired signature, *proof* is how it decrypted the same message
    without a look at signatures: that it was whole is said there, and whose signature it is in
    *ended*.

    Raises:
        KeySelectionError: If it is for keys that are not here (114).
        PassphraseError: If the key's passphrase, or the message's, is missing or wrong (122).
        CryptoError: If it was not decrypted whole, or not all of it was encrypted (103, 105, 130,
            141), or its ciphertext has no integrity protection (146).
    """
    whole = proof or ended
    info = _require_whole(whole)
    inside, _ = _split(ended)
    seen = signatures(inside)
    if proof is not None:
        _require_same(inside, seen, proof)
    if not _tried_keys(whole):
        _refuse_unexplained(whole, () if proof else seen, Situation.DECRYPT_FAILED)
    return Opened(
        decrypted=True,
        signatures=seen,
        recipients=_recipients(whole),
        decrypted_with=next(
            (key.get("fingerprint") for key in status.select(whole.status, "DECRYPTION_KEY")), ""
        ),
        cipher=status.algorithm(status.CIPHERS, info.get("cipher")),
        protected=True,
    )


def require_unchanged(ended: Ended) -> None:
    """Raise where gpg found the ciphertext changed, whatever it made of the garbage that came out.

    It may have taken that for another message, and have asked for the passphrase of it.

    Raises:
        CryptoError: If so (130).
    """
    if any(status.select(ended.status, "BADMDC")):
        raise Situation.DECRYPT_FAILED.error("changed on its way, or damaged")


def _require_whole(ended: Ended) -> StatusLine:
    """Return what gpg said of the ciphertext, once it is sure that all of it came unchanged."""
    require_unchanged(ended)
    inside, after = _split(ended)
    info = next(status.select(inside, "DECRYPTION_INFO"), None)
    if info is None:
        raise _no_key(ended) or judge(ended, Situation.DECRYPT_FAILED)
    if not (info.number("integrity") or info.number("aead")):
        raise Situation.NO_INTEGRITY.error(
            "the ciphertext could have been changed on its way without a trace",
            hint="ask the sender to encrypt with a newer program",
        )
    if _twisted((*inside, *after)) or not any(status.select(inside, "DECRYPTION_OKAY")):
        raise _wrong_passphrase(ended) or _damaged(ended)
    if not any(status.select(inside, "GOODMDC")):  # as under ignore-mdc-error
        raise Situation.DECRYPT_FAILED.error("changed on its way, or damaged")
    return info


def _damaged(ended: Ended) -> GpgmailError:
    """Return why decrypting failed once it had begun: where a message was cut gpg finds no data."""
    error = judge(ended, Situation.DECRYPT_FAILED)
    if error.code is Situation.NO_OPENPGP_DATA.code:
        return Situation.DECRYPT_FAILED.error("cut short on its way, or damaged")
    return error


def _require_same(
    inside: Sequence[StatusLine], seen: Sequence[SignatureSeen], proof: Ended
) -> None:
    """Refuse unless both runs went over one text, and the last signature seen stopped the first."""
    texts = [
        [line.args for line in status.select(lines, "PLAINTEXT")]
        for lines in (inside, proof.status)
    ]
    stopped = bool(seen) and seen[-1].status in _STOPS
    if not stopped or _twisted(inside) or len(texts[0]) != 1 or texts[0] != texts[1]:
        raise Situation.VERIFY_FAILED.error("was changed after it was signed, or damaged")


def _split(ended: Ended) -> tuple[Sequence[StatusLine], Sequence[StatusLine]]:
    """Return what was said of the encrypted part, with all text and signatures in it, and after."""
    begins = [at for at, line in enumerate(ended.status) if line.keyword == "BEGIN_DECRYPTION"]
    if not begins:
        raise _nothing_encrypted(ended)
    ends = [at for at, line in enumerate(ended.status) if line.keyword == "END_DECRYPTION"]
    end = ends[0] if ends else len(ended.status)
    before, after = ended.status[: begins[0]], ended.status[end:]
    if len(begins) > 1 or any(status.select((*before, *after), "PLAINTEXT", "NEWSIG")):
        raise Situation.DECRYPT_FAILED.error("holds more than the one encrypted message")
    return ended.status[begins[0] : end], after


def _nothing_encrypted(ended: Ended) -> GpgmailError:
    if any(status.select(ended.status, "PLAINTEXT", "NEWSIG")):
        return Situation.DECRYPT_FAILED.error("is not encrypted")
    if _recipients(ended):
        return Situation.BAD_PACKET.error("ends before its encrypted data begins")
    if "CRC error" in ended.stderr:  # of the armor: gpg has no status line for it
        return Situation.BAD_ARMOR.error("its checksum is wrong", code=ErrorCode.PGP_CHECKSUM)
    return judge(ended, Situation.BAD_PACKET)


def _recipients(ended: Ended) -> tuple[str, ...]:
    return tuple(line.get("key_id") for line in status.select(ended.status, "ENC_TO"))


def _tried_keys(ended: Ended) -> bool:
    """Tell whether a key fitted after others, or after a passphrase (gpg 2.4 asks for it first).

    gpg then ends as failed, for what it tried before.
    """
    tried = HIDDEN in _recipients(ended) or any(status.select(ended.status, "NEED_PASSPHRASE_SYM"))
    return tried and any(status.select(ended.status, "DECRYPTION_KEY"))


def _no_key(ended: Ended) -> GpgmailError | None:
    """Name the keys that would open the message, where none of them is here, and nothing else."""
    if not any(status.select(ended.status, "NO_SECKEY")):
        return None
    # gpg 2.4 says of it an error too; any other error is a reason of its own.
    others = any(line.error != _NO_SECRET_KEY for line in status.select(ended.status, "ERROR"))
    given_up = status.select(ended.status, "CANCELED_BY_USER", "MISSING_PASSPHRASE")
    if others or any(given_up) or any(status.select(ended.status, "DECRYPTION_KEY")):
        return None
    return Situation.KEY_NOT_FOUND.error(
        "none of the secret keys that would open the message is here",
        subject=", ".join(_recipients(ended)),
    )


def _wrong_passphrase(ended: Ended) -> GpgmailError | None:
    """Say so where a passphrase was all that there was: gpg often takes it for damaged data."""
    if not any(status.select(ended.status, "NEED_PASSPHRASE_SYM")):
        return None
    if any(status.select(ended.status, "PLAINTEXT", "DECRYPTION_KEY")):
        return None
    return Situation.PASSPHRASE.error("is wrong, or the message is damaged", subject="passphrase")


def _twisted(lines: Iterable[StatusLine]) -> bool:
    """Tell whether the stream held more, or other things, than one whole message."""
    return any(status.select(lines, "UNEXPECTED", "ERROR", "NODATA"))


def _refuse_unexplained(ended: Ended, seen: Sequence[SignatureSeen], situation: Situation) -> None:
    """Take a failure exit only where the verdict on a signature accounts for it."""
    if ended.returncode and all(one.status is SignatureStatus.GOOD for one in seen):
        raise judge(ended, situation)
