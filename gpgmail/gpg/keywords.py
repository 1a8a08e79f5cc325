"""The one table of gpg's status keywords: their fields by name, and what they say of a failure.

From GnuPG's doc/DETAILS, for gpg 1.4 to 2.4. A keyword without a row is of a newer release: it is
passed on and means nothing (tests hold the table against the names in the machine's gpg). Pure
data: which row of a failed run decides stands in `judge.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(NamedTuple):
    """A situation and what happened, in words."""

    situation: Situation
    detail: str


# libgpg-error's numbers, without the component.
NUMBERS = {
    3: Verdict(Situation.BAD_PACKET, "a packet of an unknown version"),
    4: Verdict(Situation.KEY_UNUSABLE, "gpg does not know the key's algorithm"),
    5: Verdict(Situation.HASH, "gpg does not have this hash"),
    6: Verdict(Situation.KEY_UNUSABLE, "its public key is damaged"),
    7: Verdict(Situation.KEY_UNUSABLE, "its secret key is damaged"),
    9: Verdict(Situation.KEY_NOT_FOUND, "the public key is not in the keyring"),
    # gpg 2.2 leaves imported secret keys as they came until they are used; 2.4 cannot read some.
    10: Verdict(
        Situation.KEY_UNUSABLE,
        "the checksum of its secret key is wrong; if gpg 2.2 imported it, use it there once,"
        " or import it anew",
    ),
    11: Verdict(Situation.PASSPHRASE, "the passphrase is wrong"),
    12: Verdict(Situation.CIPHER, "gpg does not have this cipher"),
    13: Verdict(Situation.KEYRING_UNREADABLE, "the keyring does not open"),
    14: Verdict(Situation.BAD_PACKET, "an invalid packet"),
    15: Verdict(Situation.BAD_ARMOR, "invalid armor"),
    17: Verdict(Situation.KEY_NOT_FOUND, "the secret key is not in the keyring"),
    20: Verdict(Situation.COMPRESSION, "gpg does not have this compression"),
    31: Verdict(Situation.PASSPHRASE, "the passphrase is not allowed"),
    34: Verdict(Situation.KEYRING_UNREADABLE, "the keyring is damaged"),
    53: Verdict(Situation.KEY_UNUSABLE, "expired, revoked, or not made for encryption"),
    54: Verdict(Situation.KEY_UNUSABLE, "expired, revoked, or not made for signing"),
    58: Verdict(Situation.NO_OPENPGP_DATA, "no OpenPGP data"),
    77: Verdict(Situation.GPG_FAILED, "gpg-agent does not run"),
    78: Verdict(Situation.GPG_FAILED, "gpg-agent failed"),
    84: Verdict(Situation.KEY_UNUSABLE, "gpg does not have the key's algorithm"),
    85: Verdict(Situation.PASSPHRASE, "no passphrase is given and nobody can be asked"),
    86: Verdict(Situation.PASSPHRASE, "no passphrase is given and nobody could be asked"),
    87: Verdict(Situation.PASSPHRASE, "the PIN is wrong"),
    91: Verdict(Situation.KEY_NOT_FOUND, "another card is there than the one with the key"),
    94: Verdict(Situation.KEY_UNUSABLE, "the key is revoked"),
    99: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    110: Verdict(Situation.KEY_NOT_FOUND, "its card was taken out"),
    112: Verdict(Situation.KEY_NOT_FOUND, "its card is not there"),
    119: Verdict(Situation.KEY_NOT_FOUND, "it is on a card, and scdaemon is not installed"),
    125: Verdict(Situation.KEY_USAGE, "the key is not made for this use"),
    130: Verdict(Situation.PASSPHRASE, "the card's PIN is blocked"),
    151: Verdict(Situation.KEY_UNTRUSTED, "the key is not known to be its owner's"),
    153: Verdict(Situation.KEY_UNUSABLE, "the key has expired"),
    177: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    178: Verdict(Situation.PASSPHRASE, "no PIN is given"),
    188: Verdict(Situation.KEY_UNUSABLE, "gpg does not have the key's curve"),
    198: Verdict(Situation.PASSPHRASE, "no passphrase is given"),
    217: Verdict(Situation.KEY_UNUSABLE, "all subkeys are expired or revoked"),
    218: Verdict(Situation.KEYRING_UNREADABLE, "the keyring is damaged"),
}

REASONS = {
    0: Verdict(Situation.KEY_UNUSABLE, "gpg gives no reason"),
    1: Verdict(Situation.KEY_NOT_FOUND, "not in the keyring"),
    2: Verdict(Situation.KEY_AMBIGUOUS, "more than one key fits"),
    3: Verdict(Situation.KEY_USAGE, "not made for this use"),
    4: Verdict(Situation.KEY_UNUSABLE, "revoked"),
    5: Verdict(Situation.KEY_UNUSABLE, "expired"),
    6: Verdict(Situation.KEY_UNUSABLE, "no revocation list is known"),
    7: Verdict(Situation.KEY_UNUSABLE, "the revocation list is too old"),
    8: Verdict(Situation.KEY_UNUSABLE, "not allowed by policy"),
    9: Verdict(Situation.KEY_NOT_FOUND, "no secret key"),
    10: Verdict(Situation.KEY_UNTRUSTED, "not known to be its owner's"),
    11: Verdict(Situation.KEY_UNUSABLE, "its certificate is missing"),
    12: Verdict(Situation.KEY_UNUSABLE, "its issuer's certificate is missing"),
    13: Verdict(Situation.KEY_UNUSABLE, "disabled"),
    14: Verdict(Situation.KEY_NOT_FOUND, "not a user id or key id"),
}
NODATA = {
    number: Verdict(Situation.NO_OPENPGP_DATA, detail)
    for number, detail in {
        1: "no armored data",
        2: "no packet where one was expected",
        3: "an invalid packet, or not encrypted data",
        4: "a signature was expected and is not there",
    }.items()
}
CARDS = {
    1: Verdict(Situation.KEY_NOT_FOUND, "the card with the key is not there"),
    4: Verdict(Situation.KEY_NOT_FOUND, "there is no card"),
    5: Verdict(Situation.KEY_NOT_FOUND, "there is no card reader"),
    6: Verdict(Situation.KEY_NOT_FOUND, "this gpg cannot use cards"),
    7: Verdict(Situation.KEY_UNUSABLE, "the card ended its life"),
}
CARD_FAILURES = {
    0: Verdict(Situation.GPG_FAILED, "the card failed"),
    1: Verdict(Situation.PASSPHRASE, "the question for the PIN was cancelled"),
    2: Verdict(Situation.PASSPHRASE, "the PIN is wrong"),
}


class Keyword(NamedTuple):
    """One row: the names of the fields, of which `name...` takes the rest of the line.

    What it says of a failed run is a verdict, or one by the number in the field `reason`. The field
    `subject` names the key or card that an error is about. `vague` rows decide where nothing else
    does.
    """

    fields: tuple[str, ...] = ()
    verdict: Verdict | None = None
    reasons: Mapping[int, Verdict] | None = None
    subject: str = ""
    vague: bool = False

    def means(self, reason: int) -> Verdict | None:
        """Return what a line with the number *reason* in its field of this name says."""
        return (self.reasons or {}).get(reason, self.verdict)


def _row(
    fields: str = "",
    verdict: Verdict | None = None,
    *,
    reasons: Mapping[int, Verdict] | None = None,
    subject: str = "",
    vague: bool = False,
) -> Keyword:
    return Keyword(tuple(fields.split()), verdict, reasons, subject, vague)


KEYWORDS: Mapping[str, Keyword] = {
    # a signature that was looked at
    "NEWSIG": _row("signer"),
    "GOODSIG": _row("key_id user_id..."),
    "EXPSIG": _row("key_id user_id..."),
    "EXPKEYSIG": _row("key_id user_id..."),
    "REVKEYSIG": _row("key_id user_id..."),
    "BADSIG": _row("key_id user_id..."),
    "ERRSIG": _row("key_id key_algorithm digest type created reason fingerprint"),
    "VALIDSIG": _row(
        "fingerprint date created expires version reserved key_algorithm digest type primary"
    ),
    "SIG_ID": _row("id date created"),
    "SIG_SUBPACKET": _row("type flags length data"),
    "NOTATION_NAME": _row("name"),
    "NOTATION_FLAGS": _row("critical readable"),
    "NOTATION_DATA": _row("data..."),
    "POLICY_URL": _row("url"),
    "ASSERT_SIGNER": _row("fingerprint"),
    "ASSERT_PUBKEY_ALGO": _row("fingerprint state text..."),
    "VERIFICATION_COMPLIANCE_MODE": _row("flags..."),
    "TRUST_UNDEFINED": _row("error model"),
    "TRUST_NEVER": _row("error model"),
    "TRUST_MARGINAL": _row("error model"),
    "TRUST_FULLY": _row("error model"),
    "TRUST_ULTIMATE": _row("error model"),
    "TOFU_USER": _row("fingerprint address"),
    "TOFU_STATS": _row("summary signed encrypted policy times..."),
    "TOFU_STATS_SHORT": _row("text..."),
    "TOFU_STATS_LONG": _row("text..."),
    "PKA_TRUST_GOOD": _row("address"),
    "PKA_TRUST_BAD": _row("address"),
    # a message that was opened
    "ENC_TO": _row("key_id key_algorithm key_length"),
    "BEGIN_DECRYPTION": _row(),
    "END_DECRYPTION": _row(),
    "DECRYPTION_KEY": _row("fingerprint primary ownertrust"),
    "DECRYPTION_INFO": _row("integrity cipher aead"),
    "DECRYPTION_OKAY": _row(),
    "DECRYPTION_FAILED": _row(),  # says that, not why
    "DECRYPTION_COMPLIANCE_MODE": _row("flags..."),
    "SESSION_KEY": _row("key"),
    "GOODMDC": _row(),
    "BADMDC": _row("", Verdict(Situation.DECRYPT_FAILED, "changed on its way, or damaged")),
    "ERRMDC": _row("", Verdict(Situation.DECRYPT_FAILED, "its checksum is damaged"), vague=True),
    "PLAINTEXT": _row("format created name..."),
    "PLAINTEXT_LENGTH": _row("length"),
    "PLAINTEXT_FOLLOWS": _row(),
    "NODATA": _row("reason", Verdict(Situation.NO_OPENPGP_DATA, "no OpenPGP data"), reasons=NODATA),
    "UNEXPECTED": _row("reason", Verdict(Situation.BAD_PACKET, "a packet where none was expected")),
    "BADARMOR": _row("", Verdict(Situation.BAD_ARMOR, "invalid armor")),
    # a message that was made
    "BEGIN_ENCRYPTION": _row("integrity cipher aead"),
    "END_ENCRYPTION": _row(),
    "ENCRYPTION_COMPLIANCE_MODE": _row("flags..."),
    "BEGIN_SIGNING": _row("digest"),
    "SIG_CREATED": _row("kind key_algorithm digest type created fingerprint"),
    "ALREADY_SIGNED": _row("key_id"),
    # keys
    "INV_RECP": _row("reason name...", REASONS[0], reasons=REASONS, subject="name"),
    "INV_SGNR": _row("reason name...", REASONS[0], reasons=REASONS, subject="name"),
    "NO_RECP": _row("", Verdict(Situation.KEY_NOT_FOUND, "no recipient has a usable key")),
    "NO_SGNR": _row("", Verdict(Situation.KEY_NOT_FOUND, "no signer has a usable key")),
    "NO_PUBKEY": _row(
        "key_id",
        Verdict(Situation.KEY_NOT_FOUND, "the public key is not in the keyring"),
        subject="key_id",
        vague=True,
    ),
    "NO_SECKEY": _row(
        "key_id",
        Verdict(Situation.KEY_NOT_FOUND, "encrypted for a secret key that is not here"),
        subject="key_id",
    ),
    "KEY_CONSIDERED": _row("fingerprint flags"),
    # Also said of keys that are not used: a reason only where there is no other.
    "KEYEXPIRED": _row("since", Verdict(Situation.KEY_UNUSABLE, "the key has expired"), vague=True),
    "KEYREVOKED": _row("", Verdict(Situation.KEY_UNUSABLE, "the key is revoked"), vague=True),
    "KEY_CREATED": _row("kind fingerprint handle"),
    "KEY_NOT_CREATED": _row("handle", Verdict(Situation.KEY_CREATE, "gpg made no key"), vague=True),
    "BACKUP_KEY_CREATED": _row("fingerprint file"),
    "DELETE_PROBLEM": _row("reason"),
    "ATTRIBUTE": _row("fingerprint length type index count created expires flags"),
    "IMPORT_CHECK": _row("key_id fingerprint user_id..."),
    "IMPORTED": _row("key_id user_id..."),
    "IMPORT_OK": _row("flags fingerprint"),
    "IMPORT_PROBLEM": _row("reason fingerprint"),
    "IMPORT_RES": _row(
        "count no_user_id imported always_0 unchanged user_ids subkeys signatures revocations"
        " secret_read secret_imported secret_unchanged skipped not_imported skipped_v3"
    ),
    "EXPORTED": _row("fingerprint"),
    "EXPORT_RES": _row("count secret exported"),
    # questions, passphrases, cards
    "GET_BOOL": _row("question"),
    "GET_LINE": _row("question"),
    "GET_HIDDEN": _row("question"),
    "GOT_IT": _row(),
    "USERID_HINT": _row("key_id user_id..."),
    "NEED_PASSPHRASE": _row("key_id primary_id key_algorithm key_length"),
    "NEED_PASSPHRASE_SYM": _row("cipher s2k digest"),
    "NEED_PASSPHRASE_PIN": _row("card number serial"),
    "GOOD_PASSPHRASE": _row(),
    "BAD_PASSPHRASE": _row("key_id", Verdict(Situation.PASSPHRASE, "the passphrase is wrong")),
    "MISSING_PASSPHRASE": _row("", Verdict(Situation.PASSPHRASE, "no passphrase is given")),
    "CANCELED_BY_USER": _row(
        "", Verdict(Situation.PASSPHRASE, "the question for the passphrase was cancelled")
    ),
    "PINENTRY_LAUNCHED": _row("process more..."),
    "INQUIRE_MAXLEN": _row("length"),
    "CARDCTRL": _row("reason serial", reasons=CARDS, subject="serial"),
    "SC_OP_FAILURE": _row("reason", CARD_FAILURES[0], reasons=CARD_FAILURES, vague=True),
    "SC_OP_SUCCESS": _row(),
    # how a run went
    "ERROR": _row("location number more..."),
    "FAILURE": _row("location number"),
    "WARNING": _row("location number text..."),
    "NOTE": _row("location number text..."),
    "SUCCESS": _row("location"),
    "PROGRESS": _row("what character done total units"),
    "TRUNCATED": _row("most"),
    "FILE_START": _row("what file..."),
    "FILE_DONE": _row(),
    "FILE_ERROR": _row(),
    # of other programs, and of gpg 1.4
    "ENTER": _row(),
    "LEAVE": _row(),
    "ABORT": _row(),
    "MOUNTPOINT": _row("name"),
    "BLOCKDEV": _row("name"),
    "PLAINDEV": _row("name"),
    "SHM_INFO": _row("text..."),
    "SHM_GET": _row("question"),
    "SHM_GET_BOOL": _row("question"),
    "SHM_GET_HIDDEN": _row("question"),
    "BEGIN_STREAM": _row(),
    "END_STREAM": _row(),
    "SIGEXPIRED": _row(),
}
