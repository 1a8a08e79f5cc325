"""gpg's status lines as vectors: what gpg would hardly ever say must not be taken for success."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpgmail.core.codes import ErrorCode
from gpgmail.core.errors import GpgmailError
from gpgmail.crypto.engine import SignatureStatus
from gpgmail.crypto.verdicts import decrypted, signatures, stopped_at_signature, verified
from gpgmail.gpg.status import parse

FINGERPRINT = "5A6D62803FAD1E8E863D7140B1968B5C837A6B0B"
KEY_ID = FINGERPRINT[-16:]
GOOD = f"""NEWSIG
GOODSIG {KEY_ID} Sender (test) <sender@example.org>
VALIDSIG {FINGERPRINT} 2026-11-22 1795327280 0 4 0 22 10 00 {FINGERPRINT}
TRUST_FULLY 0 pgp
"""
DECRYPTED = f"""ENC_TO C415BFFF9EEC3BCE 18 0
DECRYPTION_KEY 5F99F5A9F6229FAAD424E013C415BFFF9EEC3BCE {FINGERPRINT} u
BEGIN_DECRYPTION
DECRYPTION_INFO 2 9 0
PLAINTEXT 62 1795327280
{GOOD}DECRYPTION_OKAY
GOODMDC
END_DECRYPTION
"""
STOPPED = DECRYPTED[: DECRYPTED.index("GOODSIG")] + f"BADSIG {KEY_ID} Sender\n"
UNVERIFIED = DECRYPTED.replace(GOOD, "")  # what --skip-verify makes of it


@dataclass
class Ended:
    lines: str
    returncode: int = 0
    stderr: str = ""

    @property
    def status(self):
        return parse("".join(f"[GNUPG:] {line}\n" for line in self.lines.splitlines()).encode())


def test_what_is_good():
    assert [one.status for one in decrypted(Ended(DECRYPTED)).signatures] == [SignatureStatus.GOOD]
    assert verified(Ended(GOOD), texts=0).signatures[0].validity == "full"


def test_aead_is_integrity_too():
    ended = Ended(DECRYPTED.replace("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 0 9 2"))
    assert decrypted(ended).protected


TWISTED = {
    "no okay": DECRYPTED.replace("DECRYPTION_OKAY\n", ""),
    "no integrity": DECRYPTED.replace("DECRYPTION_INFO 2 9 0", "DECRYPTION_INFO 0 9 0"),
    "no information": DECRYPTED.replace("DECRYPTION_INFO 2 9 0\n", ""),
    "no begin": DECRYPTED.replace("BEGIN_DECRYPTION\n", ""),
    "begins twice": "BEGIN_DECRYPTION\nEND_DECRYPTION\n" + DECRYPTED,
    "text before": "PLAINTEXT 62 0\n" + DECRYPTED,
    "text after": DECRYPTED + "PLAINTEXT 62 0\n",
    "signature after": DECRYPTED + GOOD,
    "error after": DECRYPTED + "ERROR proc_pkt.plaintext 89_BAD_DATA\n",
    "checksum ignored": DECRYPTED.replace("GOODMDC\n", ""),
    "unexpected packet": DECRYPTED.replace("GOODMDC", "UNEXPECTED 0"),
    "garbage inside": DECRYPTED.replace("GOODMDC", "NODATA 3"),
    "stopped at a bad signature": STOPPED,
    "nothing": "",
}


@pytest.mark.parametrize("lines", TWISTED.values(), ids=TWISTED)
@pytest.mark.parametrize("returncode", [0, 2])
def test_what_is_not_decrypted(lines, returncode):
    with pytest.raises(GpgmailError):
        decrypted(Ended(lines, returncode))


def test_a_bad_signature_is_a_verdict():
    went_on = DECRYPTED.replace("GOODSIG", "BADSIG")
    for opened in (
        decrypted(Ended(went_on, 1)),
        decrypted(Ended(STOPPED, 1), Ended(UNVERIFIED)),
    ):
        assert [one.status for one in opened.signatures] == [SignatureStatus.BAD]
        assert opened.bad
        assert opened.recipients == ("C415BFFF9EEC3BCE",)
    assert stopped_at_signature(Ended(STOPPED, 1))
    assert not stopped_at_signature(Ended(went_on, 1))
    assert not stopped_at_signature(Ended(DECRYPTED))


def test_an_expired_signature_is_a_verdict():
    stopped = DECRYPTED[: DECRYPTED.index("DECRYPTION_OKAY")].replace("GOODSIG", "EXPSIG")
    opened = decrypted(Ended(stopped, 1), Ended(UNVERIFIED))
    assert [one.status for one in opened.signatures] == [SignatureStatus.EXPIRED_SIGNATURE]
    assert stopped_at_signature(Ended(stopped, 1))
    assert not stopped_at_signature(Ended(DECRYPTED.replace("GOODSIG", "EXPSIG"), 1))


UNPROVEN = {
    **{name: (STOPPED, lines, 0) for name, lines in TWISTED.items()},
    "another text": (STOPPED, UNVERIFIED.replace("PLAINTEXT 62", "PLAINTEXT 74"), 0),
    "no text": (STOPPED, UNVERIFIED.replace("PLAINTEXT", "X"), 0),
    "two texts": (STOPPED.replace("NEWSIG", "PLAINTEXT 62 1\nNEWSIG"), UNVERIFIED, 0),
    "garbage before it": (STOPPED.replace("NEWSIG", "NODATA 3\nNEWSIG"), UNVERIFIED, 0),
    "text before it": ("PLAINTEXT 62 1\n" + STOPPED, UNVERIFIED, 0),
    "a good one after all": (STOPPED.replace("BADSIG", "GOODSIG"), UNVERIFIED, 0),
    "a failure": (STOPPED, UNVERIFIED, 2),
}


@pytest.mark.parametrize(("lines", "proof", "returncode"), UNPROVEN.values(), ids=UNPROVEN)
def test_a_bad_signature_proves_nothing_of_the_ciphertext(lines, proof, returncode):
    with pytest.raises(GpgmailError):
        decrypted(Ended(lines, 1), Ended(proof, returncode))


def test_a_changed_ciphertext_is_that_whatever_its_garbage_was_taken_for():
    """As gpg 2.2 says it where the garbage begins like a message of its own."""
    asked = (
        "BEGIN_DECRYPTION\nNEED_PASSPHRASE_SYM 1 0 2\nERROR get_passphrase 85\nCANCELED_BY_USER\n"
    )
    begins = UNVERIFIED[: UNVERIFIED.index("PLAINTEXT")]
    for garbage in (asked, "FAILURE decrypt 20\n", "NODATA 3\n", "UNEXPECTED 0\n"):
        with pytest.raises(GpgmailError, match="changed on its way") as caught:
            decrypted(Ended(f"{begins}{garbage}BADMDC\nDECRYPTION_FAILED\nEND_DECRYPTION\n", 2))
        assert caught.value.code is ErrorCode.PGP_DECRYPT


def test_a_failure_exit_needs_a_signature_to_account_for_it():
    missing = DECRYPTED.replace(
        GOOD, f"NEWSIG\nERRSIG {KEY_ID} 22 10 00 1795327926 9 {FINGERPRINT}\nNO_PUBKEY {KEY_ID}\n"
    )
    opened = decrypted(Ended(missing, 2))
    assert [one.status for one in opened.signatures] == [SignatureStatus.MISSING_KEY]
    for lines in (DECRYPTED, DECRYPTED.replace(GOOD, "")):
        with pytest.raises(GpgmailError):
            decrypted(Ended(lines, 2))
    with pytest.raises(GpgmailError):
        verified(Ended(GOOD, 2), texts=0)


STATUSES = {
    "good": (GOOD, SignatureStatus.GOOD),
    "good without VALIDSIG": (GOOD.replace("VALIDSIG", "X"), SignatureStatus.ERROR),
    "good, of a key": (GOOD.replace(" 10 00 ", " 10 13 "), SignatureStatus.ERROR),
    "good, type 02": (GOOD.replace(" 10 00 ", " 10 02 "), SignatureStatus.ERROR),
    "good and bad": (GOOD + f"BADSIG {KEY_ID} x\n", SignatureStatus.ERROR),
    "good twice": (GOOD + f"GOODSIG {KEY_ID} x\n", SignatureStatus.ERROR),
    "expired": (GOOD.replace("GOODSIG", "EXPSIG"), SignatureStatus.EXPIRED_SIGNATURE),
    "expired key": (GOOD.replace("GOODSIG", "EXPKEYSIG"), SignatureStatus.EXPIRED_KEY),
    "revoked key": (GOOD.replace("GOODSIG", "REVKEYSIG"), SignatureStatus.REVOKED_KEY),
    "nothing said": ("NEWSIG\n", SignatureStatus.ERROR),
    "unknown algorithm": (f"NEWSIG\nERRSIG {KEY_ID} 99 10 00 0 4 -\n", SignatureStatus.ERROR),
}


@pytest.mark.parametrize(("lines", "expected"), STATUSES.values(), ids=STATUSES)
def test_statuses(lines, expected):
    assert [one.status for one in signatures(Ended(lines).status)] == [expected]


@pytest.mark.parametrize(
    ("word", "validity"),
    [
        ("TRUST_UNDEFINED", "undefined"),
        ("TRUST_NEVER", "never"),
        ("TRUST_MARGINAL", "marginal"),
        ("TRUST_FULLY", "full"),
        ("TRUST_ULTIMATE", "ultimate"),
        ("SOMETHING", "unknown"),
    ],
)
def test_validity(word, validity):
    (seen,) = signatures(Ended(GOOD.replace("TRUST_FULLY", word)).status)
    assert seen.validity == validity


def test_a_user_id_is_unescaped_and_cannot_forge_a_line():
    (seen,) = signatures(Ended(GOOD.replace("Sender", "Se%0AGOODSIG%25 x")).status)
    assert seen.user_id.startswith("Se\nGOODSIG% x")
    assert seen.key_id == KEY_ID


def test_more_than_one_text_is_refused():
    text = "PLAINTEXT 62 0\n"
    assert verified(Ended(text + GOOD), texts=1).signatures
    for lines, texts in ((text + GOOD, 0), (GOOD, 1), (text + text + GOOD, 1)):
        with pytest.raises(GpgmailError) as caught:
            verified(Ended(lines), texts=texts)
        assert caught.value.code is ErrorCode.PGP_VERIFY


WORDS = sorted(
    {line for lines in (DECRYPTED, *TWISTED.values()) for line in lines.splitlines()}
    | {f"BADSIG {KEY_ID} x", "ERRSIG", "VALIDSIG", "DECRYPTION_INFO", "NO_SECKEY", "ENC_TO"}
)


@given(st.lists(st.sampled_from(WORDS), max_size=12), st.sampled_from([0, 1, 2, -9]))
def test_lines_in_any_order_give_a_verdict_or_a_typed_error(lines, returncode):
    ended = Ended("\n".join(lines), returncode)
    for judge in (decrypted, lambda it: verified(it, texts=0)):
        try:
            opened = judge(ended)
        except GpgmailError:
            continue
        assert opened.decrypted <= ("DECRYPTION_OKAY" in lines)
        good = [one for one in opened.signatures if one.status is SignatureStatus.GOOD]
        assert len(good) <= sum(line.startswith("VALIDSIG") for line in lines)
