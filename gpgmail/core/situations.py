"""What can go wrong, and the class and code that each gets: the one table of situations.

Code raises `Situation.NO_SERVER.error(detail)`. Failures of gpg, smtplib, ssl and errno are
mapped to these rows by one table each, in the room that meets them.
Where the code is chosen case by case (an errno has its own number) the row has the default.
"""

from __future__ import annotations

from enum import Enum

from gpgmail.core.codes import ErrorCode as Code
from gpgmail.core.codes import Retry
from gpgmail.core.errors import (
    Cancelled,
    ConnectError,
    CryptoError,
    DeliveryError,
    EngineError,
    GpgmailError,
    KeyringError,
    KeySelectionError,
    MessageError,
    PassphraseError,
    PolicyError,
    ServerError,
    StateError,
    TimeLimitError,
    TlsError,
    UnsupportedError,
    UsageError,
)


class Situation(Enum):
    """One row a situation: exception class, error code, and what to do about it."""

    # the caller's arguments
    NO_SERVER = (UsageError, Code.SMTP_NO_SERVER, "set mail_server, or give a server URL")
    NO_SENDER = (UsageError, Code.SMTP_NO_SENDER, "set from_, or a From header")
    NO_RECIPIENT = (UsageError, Code.SMTP_NO_RECIPIENT, "set send_to, or a To header")
    BAD_VALUE = (UsageError, Code.BAD_VALUE, "")
    BAD_CONFIG = (UsageError, Code.CONFIG, "")
    BAD_ADDRESS = (UsageError, Code.BAD_ADDRESS, "write it as local-part@domain")
    CODE_PAGE = (UsageError, Code.TCP_CODE_PAGE, "use UTF-8, or take the character out")
    INJECTION = (UsageError, Code.INJECTION, "remove the character; nothing was sent")
    ZERO_PORT = (UsageError, Code.TCP_REMOTE_PORT_ZERO, "give a port from 1 to 65535")

    # the caller's timing
    BUSY = (StateError, Code.SMTP_BUSY, "wait for the running call, or interrupt it")
    CRYPTO_BUSY = (StateError, Code.PGP_BUSY, "wait for the running call, or interrupt it")
    ALREADY_CONNECTED = (StateError, Code.TCP_ALREADY_CONNECTED, "disconnect first")
    NOT_CONNECTED = (StateError, Code.TCP_CONNECT_FIRST, "call connect first")
    SERVER_LOCKED = (StateError, Code.TCP_REMOTE_HOST_LOCKED, "disconnect first")
    PORT_LOCKED = (StateError, Code.TCP_REMOTE_PORT_LOCKED, "disconnect first")
    LOCAL_HOST_LOCKED = (StateError, Code.TCP_LOCAL_HOST_LOCKED, "disconnect first")
    LOCAL_PORT_LOCKED = (StateError, Code.TCP_LOCAL_PORT_LOCKED, "disconnect first")
    LINE_LENGTH_LOCKED = (StateError, Code.TCP_LINE_LENGTH_LOCKED, "disconnect first")
    MESSAGE_LIFE = (StateError, Code.MESSAGE_LIFE, "set the message anew")

    # what is not to be had, and what is refused
    UNSUPPORTED_HERE = (UnsupportedError, Code.UNSUPPORTED_HERE, "")
    MISSING_EXTRA = (UnsupportedError, Code.MISSING_EXTRA, "")
    ENGINE_CANNOT = (UnsupportedError, Code.PGP_UNSUPPORTED, "")
    CIPHER = (UnsupportedError, Code.PGP_CIPHER, "")
    HASH = (UnsupportedError, Code.PGP_HASH, "")
    COMPRESSION = (UnsupportedError, Code.PGP_COMPRESSION, "")
    NOT_FOR_SERVER = (UnsupportedError, Code.NOT_FOR_SERVER, "use another server or other content")
    POLICY = (PolicyError, Code.POLICY, "")
    NOT_SIGNED = (PolicyError, Code.PGP_NOT_SIGNED, "call sign() before send()")
    NOT_ENCRYPTED = (PolicyError, Code.PGP_NOT_ENCRYPTED, "call encrypt() before send()")
    CLEARTEXT_CREDENTIALS = (PolicyError, Code.CLEARTEXT_CREDENTIALS, "use TLS")
    CLEARTEXT_MAIL = (PolicyError, Code.CLEARTEXT_MAIL, "use TLS, or say smtp+insecure://")
    AUTH_UNAVAILABLE = (PolicyError, Code.AUTH_UNAVAILABLE, "")
    SERVER_UNPROVEN = (PolicyError, Code.SERVER_UNPROVEN, "ask the server's administrator")

    # gpg and keys
    GPG_MISSING = (EngineError, Code.GPG_MISSING, "install gnupg")
    GPG_TOO_OLD = (EngineError, Code.GPG_TOO_OLD, "install gnupg 2.1 or newer")
    GPG_FAILED = (EngineError, Code.PGP_INTERNAL, "")
    KEYRING_UNREADABLE = (KeyringError, Code.PGP_READ_FILE, "")
    KEY_UNREADABLE = (KeyringError, Code.PGP_READ_KEY, "")
    KEY_CREATE = (KeyringError, Code.PGP_CREATE_KEY, "")
    KEY_NOT_FOUND = (KeySelectionError, Code.PGP_KEY_NOT_FOUND, "")
    KEY_AMBIGUOUS = (KeySelectionError, Code.KEY_AMBIGUOUS, "name one by its fingerprint")
    KEY_UNUSABLE = (KeySelectionError, Code.KEY_UNUSABLE, "")
    KEY_USAGE = (KeySelectionError, Code.PGP_KEY_USAGE, "")
    KEY_UNTRUSTED = (
        KeySelectionError,
        Code.KEY_UNTRUSTED,
        "name its fingerprint, or set trust to always",
    )
    PASSPHRASE = (PassphraseError, Code.PGP_PASSPHRASE, "give the key's passphrase")
    BAD_ARMOR = (CryptoError, Code.PGP_BAD_ARMOR, "")
    BAD_PACKET = (CryptoError, Code.PGP_DECODE_PACKET, "")
    NO_OPENPGP_DATA = (CryptoError, Code.PGP_NO_INPUT, "")
    NO_INTEGRITY = (CryptoError, Code.PGP_NO_INTEGRITY, "")
    SIGN_FAILED = (CryptoError, Code.PGP_SIGN, "")
    ENCRYPT_FAILED = (CryptoError, Code.PGP_ENCRYPT, "")
    DECRYPT_FAILED = (CryptoError, Code.PGP_DECRYPT, "")
    VERIFY_FAILED = (CryptoError, Code.PGP_VERIFY, "")
    PLAN_BROKEN = (CryptoError, Code.PLAN_BROKEN, "nothing was sent")

    # certificates
    CERTIFICATE_STORE = (TlsError, Code.SSL_STORE, "")
    CERTIFICATE_NOT_FOUND = (TlsError, Code.SSL_CERTIFICATE_MISSING, "")
    CLIENT_CERTIFICATE = (
        TlsError,
        Code.SSL_CLIENT_CERTIFICATE,
        "name a certificate with its private key",
    )
    STORE_PASSWORD = (PassphraseError, Code.SSL_STORE, "set store_password, or key_password")

    # the message
    ATTACHMENT = (MessageError, Code.SMTP_ATTACHMENT, "")
    BAD_MESSAGE = (MessageError, Code.BAD_MESSAGE, "")
    MESSAGE_TOO_LARGE = (MessageError, Code.MESSAGE_TOO_LARGE, "raise most_bytes, --max-size")
    NO_INPUT = (MessageError, Code.PGP_NO_INPUT, "")
    WORKING_FILE = (MessageError, Code.NO_SPACE, "")
    QUEUE_OPEN = (MessageError, Code.TCP_FILE, "")
    QUEUE_WRITE = (MessageError, Code.TCP_FILE_WRITE, "")
    QUEUE_DAMAGED = (MessageError, Code.QUEUE_DAMAGED, "it is not sent; queue the mail again")

    # the way to the server
    DNS = (ConnectError, Code.DNS_NOT_FOUND, "check the name, and that this machine finds others")
    REFUSED = (ConnectError, Code.IP_REFUSED, "check host and port, and that a server runs there")
    NETWORK = (ConnectError, Code.SMTP_COMMUNICATION, "")
    DROPPED = (ConnectError, Code.TCP_DROPPED, "")
    MAYBE_DELIVERED = (ConnectError, Code.MAYBE_DELIVERED, "ask the server before sending again")
    PROXY = (ConnectError, Code.SMTP_PROXY, "")
    TLS_HANDSHAKE = (TlsError, Code.SSL_HANDSHAKE, "")
    TLS_VERIFY = (TlsError, Code.SSL_CERTIFICATE_UNVERIFIED, "")
    SERVER_REFUSED = (ServerError, Code.SMTP_REFUSED, "")
    NO_TICKET = (DeliveryError, Code.NO_TICKET, "")
    QUEUE_UNSENT = (DeliveryError, Code.SMTP_REFUSED, "see what was reported for each")
    TIME_LIMIT = (TimeLimitError, Code.TCP_TIMEOUT, "")
    INTERRUPTED = (Cancelled, Code.SMTP_INTERRUPTED, "")

    def __init__(self, kind: type[GpgmailError], code: Code, hint: str) -> None:
        self.kind = kind
        self.code = code
        self.hint = hint

    def error(
        self,
        detail: str,
        *,
        subject: str = "",
        hint: str | None = None,
        code: Code | None = None,
        retry: Retry | None = None,
        **facts: object,
    ) -> GpgmailError:
        """Return the exception for this situation, ready to be raised.

        *detail* says what happened, *subject* to which object; *hint*, *code* and *retry* replace
        the row's where the case is more exact; *facts* become attributes that the class declares.
        """
        error = self.kind(
            code or self.code,
            detail,
            subject=subject,
            hint=self.hint if hint is None else hint,
            retry=retry,
        )
        for name, value in facts.items():
            if not hasattr(self.kind, name):
                raise TypeError(f"{self.kind.__name__} has no attribute {name!r}")
            setattr(error, name, value)
        return error
