import pytest

from gpgmail.core import errors
from gpgmail.core.codes import ErrorCode, Exit, Retry
from gpgmail.core.errors import GpgmailError, KeySelectionError, ServerError
from gpgmail.core.replies import Reply
from gpgmail.core.situations import Situation

# situation, family and number that callers rely on, class that they catch
TABLE = [
    ("NO_SERVER", "SMTP", 163, "UsageError"),
    ("NO_SENDER", "SMTP", 164, "UsageError"),
    ("NO_RECIPIENT", "SMTP", 165, "UsageError"),
    ("BAD_VALUE", "gpgmail", 2, "UsageError"),
    ("BAD_CONFIG", "gpgmail", 24, "UsageError"),
    ("MESSAGE_TOO_LARGE", "gpgmail", 25, "MessageError"),
    ("BAD_ADDRESS", "gpgmail", 16, "UsageError"),
    ("CODE_PAGE", "TCPClient", 434, "UsageError"),
    ("INJECTION", "gpgmail", 6, "UsageError"),
    ("ZERO_PORT", "TCPClient", 116, "UsageError"),
    ("BUSY", "SMTP", 166, "StateError"),
    ("CRYPTO_BUSY", "OpenPGP", 129, "StateError"),
    ("ALREADY_CONNECTED", "TCPClient", 104, "StateError"),
    ("NOT_CONNECTED", "TCPClient", 1117, "StateError"),
    ("SERVER_LOCKED", "TCPClient", 101, "StateError"),
    ("PORT_LOCKED", "TCPClient", 100, "StateError"),
    ("LOCAL_HOST_LOCKED", "TCPClient", 107, "StateError"),
    ("LOCAL_PORT_LOCKED", "TCPClient", 106, "StateError"),
    ("LINE_LENGTH_LOCKED", "TCPClient", 112, "StateError"),
    ("MESSAGE_LIFE", "gpgmail", 14, "StateError"),
    ("UNSUPPORTED_HERE", "gpgmail", 1, "UnsupportedError"),
    ("MISSING_EXTRA", "gpgmail", 15, "UnsupportedError"),
    ("ENGINE_CANNOT", "OpenPGP", 112, "UnsupportedError"),
    ("CIPHER", "OpenPGP", 125, "UnsupportedError"),
    ("HASH", "OpenPGP", 126, "UnsupportedError"),
    ("COMPRESSION", "OpenPGP", 127, "UnsupportedError"),
    ("NOT_FOR_SERVER", "gpgmail", 20, "UnsupportedError"),
    ("POLICY", "gpgmail", 3, "PolicyError"),
    ("NOT_SIGNED", "OpenPGP", 142, "PolicyError"),
    ("NOT_ENCRYPTED", "OpenPGP", 143, "PolicyError"),
    ("CLEARTEXT_CREDENTIALS", "gpgmail", 4, "PolicyError"),
    ("CLEARTEXT_MAIL", "gpgmail", 5, "PolicyError"),
    ("AUTH_UNAVAILABLE", "gpgmail", 19, "PolicyError"),
    ("SERVER_UNPROVEN", "gpgmail", 22, "PolicyError"),
    ("GPG_MISSING", "gpgmail", 10, "EngineError"),
    ("GPG_TOO_OLD", "gpgmail", 11, "EngineError"),
    ("GPG_FAILED", "OpenPGP", 111, "EngineError"),
    ("KEYRING_UNREADABLE", "OpenPGP", 115, "KeyringError"),
    ("KEY_UNREADABLE", "OpenPGP", 117, "KeyringError"),
    ("KEY_CREATE", "OpenPGP", 124, "KeyringError"),
    ("KEY_NOT_FOUND", "OpenPGP", 114, "KeySelectionError"),
    ("KEY_AMBIGUOUS", "gpgmail", 7, "KeySelectionError"),
    ("KEY_UNUSABLE", "gpgmail", 8, "KeySelectionError"),
    ("KEY_USAGE", "OpenPGP", 128, "KeySelectionError"),
    ("KEY_UNTRUSTED", "gpgmail", 9, "KeySelectionError"),
    ("PASSPHRASE", "OpenPGP", 122, "PassphraseError"),
    ("BAD_ARMOR", "OpenPGP", 101, "CryptoError"),
    ("BAD_PACKET", "OpenPGP", 105, "CryptoError"),
    ("NO_OPENPGP_DATA", "OpenPGP", 141, "CryptoError"),
    ("NO_INTEGRITY", "OpenPGP", 146, "CryptoError"),
    ("SIGN_FAILED", "OpenPGP", 120, "CryptoError"),
    ("ENCRYPT_FAILED", "OpenPGP", 123, "CryptoError"),
    ("DECRYPT_FAILED", "OpenPGP", 130, "CryptoError"),
    ("VERIFY_FAILED", "OpenPGP", 119, "CryptoError"),
    ("PLAN_BROKEN", "gpgmail", 12, "CryptoError"),
    ("CERTIFICATE_STORE", "SSL", 271, "TlsError"),
    ("CERTIFICATE_NOT_FOUND", "SSL", 272, "TlsError"),
    ("CLIENT_CERTIFICATE", "SSL", 281, "TlsError"),
    ("STORE_PASSWORD", "SSL", 271, "PassphraseError"),
    ("ATTACHMENT", "SMTP", 302, "MessageError"),
    ("BAD_MESSAGE", "gpgmail", 17, "MessageError"),
    ("NO_INPUT", "OpenPGP", 141, "MessageError"),
    ("WORKING_FILE", "gpgmail", 18, "MessageError"),
    ("QUEUE_OPEN", "TCPClient", 302, "MessageError"),
    ("QUEUE_WRITE", "TCPClient", 303, "MessageError"),
    ("QUEUE_DAMAGED", "gpgmail", 21, "MessageError"),
    ("DNS", "TCP/IP", 11001, "ConnectError"),
    ("REFUSED", "TCP/IP", 10061, "ConnectError"),
    ("NETWORK", "SMTP", 162, "ConnectError"),
    ("DROPPED", "TCPClient", 1120, "ConnectError"),
    ("MAYBE_DELIVERED", "gpgmail", 13, "ConnectError"),
    ("PROXY", "SMTP", 118, "ConnectError"),
    ("TLS_HANDSHAKE", "SSL", 276, "TlsError"),
    ("TLS_VERIFY", "SSL", 280, "TlsError"),
    ("SERVER_REFUSED", "SMTP", 161, "ServerError"),
    ("NO_TICKET", "gpgmail", 23, "DeliveryError"),
    ("QUEUE_UNSENT", "SMTP", 161, "DeliveryError"),
    ("TIME_LIMIT", "TCPClient", 201, "TimeLimitError"),
    ("INTERRUPTED", "SMTP", 301, "Cancelled"),
]


@pytest.mark.parametrize(("name", "family", "number", "kind"), TABLE)
def test_a_situation_has_its_class_and_number(name, family, number, kind):
    error = Situation[name].error("what happened", subject="the object")
    assert type(error) is getattr(errors, kind)
    assert error.code is ErrorCode.find(family, number)
    assert "the object: what happened" in str(error)


def test_the_table_above_is_whole():
    assert {row[0] for row in TABLE} == set(Situation.__members__)


def test_two_situations_are_not_one_enum_member():
    # rows of equal content would become aliases of one another without a word
    assert len(list(Situation)) == len(Situation.__members__)


def test_every_class_of_the_tree_is_used_or_a_base():
    used = {situation.kind for situation in Situation}
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, GpgmailError):
            assert kind in used or kind.__subclasses__(), name
            assert name in (errors.__doc__ or ""), f"{name} is not in the drawn tree"


def test_hint_code_and_retry_can_be_more_exact():
    error = Situation.DNS.error(
        "no answer", hint="look again", code=ErrorCode.DNS_TRY_AGAIN, retry=Retry.UNKNOWN
    )
    assert error.code is ErrorCode.DNS_TRY_AGAIN
    assert error.retry is Retry.UNKNOWN
    assert str(error).endswith("(look again)")


def test_facts_become_attributes_that_the_class_declares():
    reply = Reply(550, ("5.1.1 no such user",))
    error = Situation.SERVER_REFUSED.error("said no", reply=reply, refused={"a@b": reply})
    assert isinstance(error, ServerError)
    assert error.refused["a@b"].enhanced == "5.1.1"
    with pytest.raises(TypeError):
        Situation.SERVER_REFUSED.error("said no", candidates=())


def test_builtin_classes_catch_too():
    assert isinstance(Situation.TIME_LIMIT.error("x"), TimeoutError)
    assert isinstance(Situation.BAD_VALUE.error("x"), ValueError)
    assert isinstance(Situation.DROPPED.error("x"), OSError)
    assert isinstance(Situation.KEY_NOT_FOUND.error("x", candidates=()), KeySelectionError)


def test_a_refusal_for_now_has_the_exit_code_for_it():
    refused = Situation.SERVER_REFUSED
    assert refused.error("no").exit_code == Exit.PROTOCOL
    assert refused.error("not now", retry=Retry.LATER).exit_code == Exit.TRY_AGAIN
    assert Situation.DNS.error("no such host").exit_code == Exit.NO_HOST
