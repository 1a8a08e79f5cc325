"""Every error code that the project can report, one row each.

A row is (family, number, retry verdict, sysexits exit code, text). Numbers are those of the
reference pages and repeat across families; family `gpgmail` is ours, for what the pages have no
number for. Which situation raises which code is decided in `situations.py`, nowhere else.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum


class Family(StrEnum):
    """The group that an error number belongs to."""

    SMTP = "SMTP"
    TCP_CLIENT = "TCPClient"
    SSL_CLIENT = "SSLClient"
    SSL = "SSL"
    TCP_IP = "TCP/IP"
    OPENPGP = "OpenPGP"
    GPGMAIL = "gpgmail"


class Retry(StrEnum):
    """Whether the same call can succeed later without anybody changing anything."""

    NO = "no"
    LATER = "later"
    UNKNOWN = "unknown"  # the server may have taken the mail: trying again may duplicate it


class Exit(IntEnum):
    """Exit codes of `sysexits.h` that the command line uses."""

    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    NO_USER = 67
    NO_HOST = 68
    UNAVAILABLE = 69
    SOFTWARE = 70
    OS = 71
    CANNOT_CREATE = 73
    IO = 74
    TRY_AGAIN = 75
    PROTOCOL = 76
    NO_PERMISSION = 77
    CONFIG = 78


class ErrorCode(Enum):
    """One row an error: family, number, retry verdict, exit code and text."""

    # A row is a line, however long.
    # fmt: off

    SMTP_PROXY = (Family.SMTP, 118, Retry.LATER, Exit.UNAVAILABLE, "the proxy failed")
    SMTP_REFUSED = (Family.SMTP, 161, Retry.NO, Exit.PROTOCOL, "the server refused")
    SMTP_COMMUNICATION = (Family.SMTP, 162, Retry.LATER, Exit.IO, "the conversation with the server broke")
    SMTP_NO_SERVER = (Family.SMTP, 163, Retry.NO, Exit.USAGE, "no mail server is given")
    SMTP_NO_SENDER = (Family.SMTP, 164, Retry.NO, Exit.USAGE, "no sender is given")
    SMTP_NO_RECIPIENT = (Family.SMTP, 165, Retry.NO, Exit.USAGE, "no recipient is given")
    SMTP_BUSY = (Family.SMTP, 166, Retry.LATER, Exit.SOFTWARE, "another call is still running")
    SMTP_INTERRUPTED = (Family.SMTP, 301, Retry.LATER, Exit.TRY_AGAIN, "interrupted")
    SMTP_ATTACHMENT = (Family.SMTP, 302, Retry.NO, Exit.NO_INPUT, "an attachment cannot be read")

    TCP_REMOTE_PORT_LOCKED = (Family.TCP_CLIENT, 100, Retry.NO, Exit.SOFTWARE, "the server's port is fixed while connected")
    TCP_REMOTE_HOST_LOCKED = (Family.TCP_CLIENT, 101, Retry.NO, Exit.SOFTWARE, "the server's name is fixed while connected")
    TCP_REMOTE_HOST_INVALID = (Family.TCP_CLIENT, 102, Retry.NO, Exit.USAGE, "the server's address is not usable")
    TCP_ALREADY_CONNECTED = (Family.TCP_CLIENT, 104, Retry.NO, Exit.SOFTWARE, "already connected")
    TCP_LOCAL_PORT_LOCKED = (Family.TCP_CLIENT, 106, Retry.NO, Exit.SOFTWARE, "the local port is fixed while connected")
    TCP_LOCAL_HOST_LOCKED = (Family.TCP_CLIENT, 107, Retry.NO, Exit.SOFTWARE, "the local address is fixed while connected")
    TCP_LINE_LENGTH_LOCKED = (Family.TCP_CLIENT, 112, Retry.NO, Exit.SOFTWARE, "the line limit is fixed while connected")
    TCP_REMOTE_PORT_ZERO = (Family.TCP_CLIENT, 116, Retry.NO, Exit.USAGE, "the server's port is zero")
    TCP_CONNECTION_OPTION_LOCKED = (Family.TCP_CLIENT, 117, Retry.NO, Exit.SOFTWARE, "the connection option is fixed while active")
    TCP_WOULD_BLOCK = (Family.TCP_CLIENT, 135, Retry.LATER, Exit.TRY_AGAIN, "the call would have to wait")
    TCP_TIMEOUT = (Family.TCP_CLIENT, 201, Retry.LATER, Exit.TRY_AGAIN, "the time limit passed")
    TCP_BAD_STATE = (Family.TCP_CLIENT, 211, Retry.NO, Exit.SOFTWARE, "not possible at this step")
    TCP_NOT_CONNECTED = (Family.TCP_CLIENT, 212, Retry.NO, Exit.SOFTWARE, "not possible without a connection")
    TCP_LISTENING = (Family.TCP_CLIENT, 213, Retry.NO, Exit.SOFTWARE, "not possible while listening")
    TCP_INTERRUPTED = (Family.TCP_CLIENT, 301, Retry.LATER, Exit.TRY_AGAIN, "the connection's wait was cut short")
    TCP_FILE = (Family.TCP_CLIENT, 302, Retry.NO, Exit.NO_INPUT, "a file cannot be opened")
    TCP_FILE_WRITE = (Family.TCP_CLIENT, 303, Retry.NO, Exit.CANNOT_CREATE, "a file cannot be written")
    TCP_CODE_PAGE = (Family.TCP_CLIENT, 434, Retry.NO, Exit.DATA, "text does not fit the code page")
    TCP_ALREADY_CONNECTING = (Family.TCP_CLIENT, 1105, Retry.NO, Exit.SOFTWARE, "a connection is already being made")
    TCP_CONNECT_FIRST = (Family.TCP_CLIENT, 1117, Retry.NO, Exit.SOFTWARE, "connect first")
    TCP_LOCAL_NAME_LOCKED = (Family.TCP_CLIENT, 1119, Retry.NO, Exit.SOFTWARE, "the local host name is fixed while connected")
    TCP_DROPPED = (Family.TCP_CLIENT, 1120, Retry.LATER, Exit.TRY_AGAIN, "the server dropped the connection")

    SSL_LIBRARY = (Family.SSL, 270, Retry.NO, Exit.SOFTWARE, "the TLS library is not usable")
    SSL_STORE = (Family.SSL, 271, Retry.NO, Exit.NO_INPUT, "the certificate store does not open")
    SSL_CERTIFICATE_MISSING = (Family.SSL, 272, Retry.NO, Exit.NO_INPUT, "no certificate matches")
    SSL_CREDENTIALS = (Family.SSL, 273, Retry.NO, Exit.NO_PERMISSION, "the TLS credentials are not usable")
    SSL_CHAIN_MISSING = (Family.SSL, 274, Retry.NO, Exit.NO_INPUT, "the certificate chain is missing")
    SSL_CHAIN_UNVERIFIED = (Family.SSL, 275, Retry.NO, Exit.PROTOCOL, "the certificate chain does not verify")
    SSL_HANDSHAKE = (Family.SSL, 276, Retry.LATER, Exit.PROTOCOL, "the TLS handshake failed")
    SSL_CERTIFICATE_UNVERIFIED = (Family.SSL, 280, Retry.NO, Exit.PROTOCOL, "the server's certificate does not verify")
    SSL_CLIENT_CERTIFICATE = (Family.SSL, 281, Retry.NO, Exit.NO_INPUT, "no client certificate")
    SSL_SERVER_CERTIFICATE = (Family.SSL, 282, Retry.NO, Exit.PROTOCOL, "no server certificate")
    SSL_ENCRYPT = (Family.SSL, 283, Retry.LATER, Exit.PROTOCOL, "TLS could not encrypt")
    SSL_DECRYPT = (Family.SSL, 284, Retry.LATER, Exit.PROTOCOL, "TLS could not decrypt")

    IP_INTERRUPTED = (Family.TCP_IP, 10004, Retry.LATER, Exit.TRY_AGAIN, "a system call was interrupted")
    IP_BAD_FILE = (Family.TCP_IP, 10009, Retry.NO, Exit.SOFTWARE, "bad file descriptor")
    IP_ACCESS = (Family.TCP_IP, 10013, Retry.NO, Exit.NO_PERMISSION, "permission denied")
    IP_BAD_ADDRESS = (Family.TCP_IP, 10014, Retry.NO, Exit.SOFTWARE, "bad memory address")
    IP_INVALID = (Family.TCP_IP, 10022, Retry.NO, Exit.SOFTWARE, "invalid argument to a socket call")
    IP_TOO_MANY_FILES = (Family.TCP_IP, 10024, Retry.LATER, Exit.OS, "too many open files")
    IP_WOULD_BLOCK = (Family.TCP_IP, 10035, Retry.LATER, Exit.TRY_AGAIN, "the socket would block")
    IP_IN_PROGRESS = (Family.TCP_IP, 10036, Retry.LATER, Exit.TRY_AGAIN, "the socket call is in progress")
    IP_ALREADY = (Family.TCP_IP, 10037, Retry.LATER, Exit.TRY_AGAIN, "the socket call is already in progress")
    IP_NOT_SOCKET = (Family.TCP_IP, 10038, Retry.NO, Exit.SOFTWARE, "not a socket")
    IP_DESTINATION = (Family.TCP_IP, 10039, Retry.NO, Exit.SOFTWARE, "a destination address is needed")
    IP_MESSAGE_SIZE = (Family.TCP_IP, 10040, Retry.NO, Exit.DATA, "the datagram is too long")
    IP_PROTOCOL_TYPE = (Family.TCP_IP, 10041, Retry.NO, Exit.SOFTWARE, "wrong protocol type for the socket")
    IP_PROTOCOL_OPTION = (Family.TCP_IP, 10042, Retry.NO, Exit.SOFTWARE, "bad protocol option")
    IP_PROTOCOL = (Family.TCP_IP, 10043, Retry.NO, Exit.OS, "protocol not supported")
    IP_SOCKET_TYPE = (Family.TCP_IP, 10044, Retry.NO, Exit.OS, "socket type not supported")
    IP_OPERATION = (Family.TCP_IP, 10045, Retry.NO, Exit.OS, "operation not supported on the socket")
    IP_PROTOCOL_FAMILY = (Family.TCP_IP, 10046, Retry.NO, Exit.OS, "protocol family not supported")
    IP_ADDRESS_FAMILY = (Family.TCP_IP, 10047, Retry.NO, Exit.OS, "address family not supported")
    IP_ADDRESS_IN_USE = (Family.TCP_IP, 10048, Retry.LATER, Exit.OS, "the address is in use")
    IP_ADDRESS_UNAVAILABLE = (Family.TCP_IP, 10049, Retry.NO, Exit.OS, "the address is not on this machine")
    IP_NETWORK_DOWN = (Family.TCP_IP, 10050, Retry.LATER, Exit.TRY_AGAIN, "the network is down")
    IP_NETWORK_UNREACHABLE = (Family.TCP_IP, 10051, Retry.LATER, Exit.TRY_AGAIN, "the network is unreachable")
    IP_NETWORK_RESET = (Family.TCP_IP, 10052, Retry.LATER, Exit.TRY_AGAIN, "the network dropped the connection")
    IP_ABORTED = (Family.TCP_IP, 10053, Retry.LATER, Exit.TRY_AGAIN, "this machine aborted the connection")
    IP_RESET = (Family.TCP_IP, 10054, Retry.LATER, Exit.TRY_AGAIN, "the server reset the connection")
    IP_NO_BUFFERS = (Family.TCP_IP, 10055, Retry.LATER, Exit.OS, "no buffer space")
    IP_IS_CONNECTED = (Family.TCP_IP, 10056, Retry.NO, Exit.SOFTWARE, "the socket is already connected")
    IP_NOT_CONNECTED = (Family.TCP_IP, 10057, Retry.NO, Exit.SOFTWARE, "the socket is not connected")
    IP_SHUTDOWN = (Family.TCP_IP, 10058, Retry.NO, Exit.SOFTWARE, "the socket is shut down")
    IP_TOO_MANY_REFERENCES = (Family.TCP_IP, 10059, Retry.LATER, Exit.OS, "too many references")
    IP_TIMED_OUT = (Family.TCP_IP, 10060, Retry.LATER, Exit.TRY_AGAIN, "the network's own time limit passed")
    IP_REFUSED = (Family.TCP_IP, 10061, Retry.LATER, Exit.TRY_AGAIN, "nothing listens at the server's port")
    IP_LOOP = (Family.TCP_IP, 10062, Retry.NO, Exit.OS, "too many symbolic links")
    IP_NAME_TOO_LONG = (Family.TCP_IP, 10063, Retry.NO, Exit.USAGE, "a file name is too long")
    IP_HOST_DOWN = (Family.TCP_IP, 10064, Retry.LATER, Exit.TRY_AGAIN, "the host is down")
    IP_HOST_UNREACHABLE = (Family.TCP_IP, 10065, Retry.LATER, Exit.TRY_AGAIN, "no route to the host")
    IP_NOT_EMPTY = (Family.TCP_IP, 10066, Retry.NO, Exit.OS, "the directory is not empty")
    IP_TOO_MANY_PROCESSES = (Family.TCP_IP, 10067, Retry.LATER, Exit.OS, "too many processes")
    IP_TOO_MANY_USERS = (Family.TCP_IP, 10068, Retry.LATER, Exit.OS, "too many users")
    IP_QUOTA = (Family.TCP_IP, 10069, Retry.LATER, Exit.OS, "the disk quota is used up")
    IP_STALE = (Family.TCP_IP, 10070, Retry.LATER, Exit.OS, "stale network file handle")
    IP_REMOTE = (Family.TCP_IP, 10071, Retry.NO, Exit.OS, "the path has too many remote levels")
    IP_NOT_READY = (Family.TCP_IP, 10091, Retry.LATER, Exit.OS, "the network subsystem is not available")
    IP_VERSION = (Family.TCP_IP, 10092, Retry.NO, Exit.OS, "the network library's version does not fit")
    IP_NOT_INITIALISED = (Family.TCP_IP, 10093, Retry.NO, Exit.OS, "the network library is not loaded")
    DNS_NOT_FOUND = (Family.TCP_IP, 11001, Retry.NO, Exit.NO_HOST, "the host name is not known")
    DNS_TRY_AGAIN = (Family.TCP_IP, 11002, Retry.LATER, Exit.TRY_AGAIN, "the name server did not answer for good")
    DNS_NO_RECOVERY = (Family.TCP_IP, 11003, Retry.NO, Exit.NO_HOST, "the name server failed")
    DNS_NO_DATA = (Family.TCP_IP, 11004, Retry.NO, Exit.NO_HOST, "the host name has no address")

    PGP_BAD_ARMOR = (Family.OPENPGP, 101, Retry.NO, Exit.DATA, "the ASCII armor does not decode")
    PGP_ARMOR_TYPE = (Family.OPENPGP, 102, Retry.NO, Exit.DATA, "the ASCII armor is of an unknown type")
    PGP_CHECKSUM = (Family.OPENPGP, 103, Retry.NO, Exit.DATA, "a checksum is wrong")
    PGP_ARMOR_HEADER = (Family.OPENPGP, 104, Retry.NO, Exit.DATA, "an ASCII armor header is unknown")
    PGP_DECODE_PACKET = (Family.OPENPGP, 105, Retry.NO, Exit.DATA, "an OpenPGP packet does not decode")
    PGP_ENCODE_PACKET = (Family.OPENPGP, 106, Retry.NO, Exit.SOFTWARE, "an OpenPGP packet cannot be made")
    PGP_PACKET_TAG = (Family.OPENPGP, 107, Retry.NO, Exit.DATA, "an OpenPGP packet is of an unknown type")
    PGP_VERSION = (Family.OPENPGP, 108, Retry.NO, Exit.DATA, "the OpenPGP version is not supported")
    PGP_ALGORITHM = (Family.OPENPGP, 109, Retry.NO, Exit.DATA, "the algorithm is not supported")
    PGP_SUBPACKET = (Family.OPENPGP, 110, Retry.NO, Exit.DATA, "an OpenPGP subpacket is unknown")
    PGP_INTERNAL = (Family.OPENPGP, 111, Retry.NO, Exit.SOFTWARE, "the cryptography failed within")
    PGP_UNSUPPORTED = (Family.OPENPGP, 112, Retry.NO, Exit.UNAVAILABLE, "the engine cannot do this")
    PGP_SECRET_CLEAR = (Family.OPENPGP, 113, Retry.NO, Exit.DATA, "the secret data was not encrypted")
    PGP_KEY_NOT_FOUND = (Family.OPENPGP, 114, Retry.NO, Exit.NO_USER, "no such key")
    PGP_READ_FILE = (Family.OPENPGP, 115, Retry.NO, Exit.NO_INPUT, "a file cannot be read")
    PGP_WRITE_FILE = (Family.OPENPGP, 116, Retry.NO, Exit.CANNOT_CREATE, "a file cannot be written")
    PGP_READ_KEY = (Family.OPENPGP, 117, Retry.NO, Exit.DATA, "a key cannot be read")
    PGP_WRITE_KEY = (Family.OPENPGP, 118, Retry.NO, Exit.CANNOT_CREATE, "a key cannot be written")
    PGP_VERIFY = (Family.OPENPGP, 119, Retry.NO, Exit.DATA, "the signature does not verify")
    PGP_SIGN = (Family.OPENPGP, 120, Retry.NO, Exit.SOFTWARE, "no signature could be made")
    PGP_USER_ID = (Family.OPENPGP, 121, Retry.NO, Exit.NO_USER, "the user id is not usable")
    PGP_PASSPHRASE = (Family.OPENPGP, 122, Retry.NO, Exit.NO_PERMISSION, "the passphrase is missing or wrong")
    PGP_ENCRYPT = (Family.OPENPGP, 123, Retry.NO, Exit.SOFTWARE, "the encryption failed")
    PGP_CREATE_KEY = (Family.OPENPGP, 124, Retry.NO, Exit.SOFTWARE, "no key could be made")
    PGP_CIPHER = (Family.OPENPGP, 125, Retry.NO, Exit.USAGE, "the cipher is not supported")
    PGP_HASH = (Family.OPENPGP, 126, Retry.NO, Exit.USAGE, "the hash is not supported")
    PGP_COMPRESSION = (Family.OPENPGP, 127, Retry.NO, Exit.USAGE, "the compression is not supported")
    PGP_KEY_USAGE = (Family.OPENPGP, 128, Retry.NO, Exit.NO_USER, "the key is not made for this use")
    PGP_BUSY = (Family.OPENPGP, 129, Retry.LATER, Exit.SOFTWARE, "the cryptography is still busy")
    PGP_DECRYPT = (Family.OPENPGP, 130, Retry.NO, Exit.DATA, "the data does not decrypt")
    PGP_NOT_COMPRESSED = (Family.OPENPGP, 131, Retry.NO, Exit.DATA, "the data is not compressed")
    PGP_DECOMPRESS = (Family.OPENPGP, 132, Retry.NO, Exit.DATA, "the data does not decompress")
    PGP_COMPRESS = (Family.OPENPGP, 133, Retry.NO, Exit.SOFTWARE, "the data could not be compressed")
    PGP_SIGNATURE_TYPE = (Family.OPENPGP, 134, Retry.NO, Exit.DATA, "the signature is of a kind not supported")
    PGP_OVERWRITE = (Family.OPENPGP, 135, Retry.NO, Exit.CANNOT_CREATE, "the file exists and was not overwritten")
    PGP_NO_INPUT = (Family.OPENPGP, 141, Retry.NO, Exit.NO_INPUT, "there is nothing to work on")
    PGP_NOT_SIGNED = (Family.OPENPGP, 142, Retry.NO, Exit.DATA, "a signature was required and is not there")
    PGP_NOT_ENCRYPTED = (Family.OPENPGP, 143, Retry.NO, Exit.DATA, "encryption was required and is not there")
    PGP_NO_INTEGRITY = (Family.OPENPGP, 146, Retry.NO, Exit.DATA, "the ciphertext has no integrity protection")
    PGP_MEMORY = (Family.OPENPGP, 200, Retry.LATER, Exit.OS, "out of memory")

    UNSUPPORTED_HERE = (Family.GPGMAIL, 1, Retry.NO, Exit.UNAVAILABLE, "this cannot be had here")
    BAD_VALUE = (Family.GPGMAIL, 2, Retry.NO, Exit.USAGE, "the value is not allowed")
    POLICY = (Family.GPGMAIL, 3, Retry.NO, Exit.NO_PERMISSION, "refused by policy")
    CLEARTEXT_CREDENTIALS = (Family.GPGMAIL, 4, Retry.NO, Exit.NO_PERMISSION, "credentials would go out in clear")
    CLEARTEXT_MAIL = (Family.GPGMAIL, 5, Retry.NO, Exit.NO_PERMISSION, "the mail would go out in clear")
    INJECTION = (Family.GPGMAIL, 6, Retry.NO, Exit.DATA, "a control character would change the protocol")
    KEY_AMBIGUOUS = (Family.GPGMAIL, 7, Retry.NO, Exit.NO_USER, "more than one key fits")
    KEY_UNUSABLE = (Family.GPGMAIL, 8, Retry.NO, Exit.NO_USER, "no usable key fits")
    KEY_UNTRUSTED = (Family.GPGMAIL, 9, Retry.NO, Exit.NO_USER, "the key is not known to belong to the address")
    GPG_MISSING = (Family.GPGMAIL, 10, Retry.NO, Exit.UNAVAILABLE, "gpg is missing")
    GPG_TOO_OLD = (Family.GPGMAIL, 11, Retry.NO, Exit.UNAVAILABLE, "gpg is too old")
    PLAN_BROKEN = (Family.GPGMAIL, 12, Retry.NO, Exit.SOFTWARE, "the result does not match the plan")
    MAYBE_DELIVERED = (Family.GPGMAIL, 13, Retry.UNKNOWN, Exit.TRY_AGAIN, "the server may have taken the mail")
    MESSAGE_LIFE = (Family.GPGMAIL, 14, Retry.NO, Exit.SOFTWARE, "not possible at this step of the message")
    MISSING_EXTRA = (Family.GPGMAIL, 15, Retry.NO, Exit.UNAVAILABLE, "an optional package is not installed")
    BAD_ADDRESS = (Family.GPGMAIL, 16, Retry.NO, Exit.DATA, "the mail address is not usable")
    BAD_MESSAGE = (Family.GPGMAIL, 17, Retry.NO, Exit.DATA, "the message cannot be taken apart")
    NO_SPACE = (Family.GPGMAIL, 18, Retry.LATER, Exit.IO, "a working file cannot be written")
    AUTH_UNAVAILABLE = (Family.GPGMAIL, 19, Retry.NO, Exit.NO_PERMISSION, "no login mechanism in common with the server")
    NOT_FOR_SERVER = (Family.GPGMAIL, 20, Retry.NO, Exit.UNAVAILABLE, "the server lacks an extension that the mail needs")
    QUEUE_DAMAGED = (Family.GPGMAIL, 21, Retry.NO, Exit.DATA, "a queue file is damaged")
    SERVER_UNPROVEN = (Family.GPGMAIL, 22, Retry.NO, Exit.NO_PERMISSION, "the server did not prove in the login who it is")
    NO_TICKET = (Family.GPGMAIL, 23, Retry.NO, Exit.NO_PERMISSION, "no Kerberos ticket could be had for the server")
    CONFIG = (Family.GPGMAIL, 24, Retry.NO, Exit.CONFIG, "a configuration file cannot be used")
    MESSAGE_TOO_LARGE = (Family.GPGMAIL, 25, Retry.NO, Exit.DATA, "the message is larger than was allowed")

    # fmt: on

    def __init__(
        self, family: Family, number: int, retry: Retry, exit_code: Exit, text: str
    ) -> None:
        self.family = family
        self.number = number
        self.retry = retry
        self.exit_code = exit_code
        self.text = text

    @classmethod
    def find(cls, family: str, number: int) -> ErrorCode:
        """Return the row of *family* and *number*, following the family's other name.

        Raises:
            KeyError: If there is no such row.
        """
        return _BY_NUMBER[family, number]


_BY_NUMBER = {(str(row.family), row.number): row for row in ErrorCode}

# SSLClient's rows are TCPClient's under another name, but for 303, which only TCPClient has.
ALIASES = {
    (str(Family.SSL_CLIENT), row.number): row
    for row in ErrorCode
    if row.family is Family.TCP_CLIENT and row is not ErrorCode.TCP_FILE_WRITE
}
_BY_NUMBER |= ALIASES

# Codes that the reference lists and nothing here raises, and why.
NEVER = {
    ErrorCode.TCP_CONNECTION_OPTION_LOCKED: "there is no option of that name",
    ErrorCode.TCP_WOULD_BLOCK: "calls wait within their limits, none is non-blocking",
    ErrorCode.TCP_BAD_STATE: "166, 104, 1117 and code 14 of gpgmail say which state it is",
    ErrorCode.TCP_NOT_CONNECTED: "1117 says it",
    ErrorCode.TCP_LISTENING: "nothing listens",
    ErrorCode.TCP_INTERRUPTED: "a time limit is 201, an interruption 301 of SMTP",
    ErrorCode.TCP_ALREADY_CONNECTING: "a call while connecting is 166",
    ErrorCode.TCP_LOCAL_NAME_LOCKED: "107 says it",
    ErrorCode.SSL_LIBRARY: "the TLS library is part of Python",
    ErrorCode.SSL_CREDENTIALS: "OpenSSL has no such step: a store that does not open is 271",
    ErrorCode.SSL_CHAIN_MISSING: "OpenSSL judges certificate and chain together: 280",
    ErrorCode.SSL_CHAIN_UNVERIFIED: "OpenSSL judges certificate and chain together: 280",
    ErrorCode.SSL_SERVER_CERTIFICATE: "a handshake without a server certificate is 276",
    ErrorCode.IP_ABORTED: "a lost connection is 1120 of TCPClient",
    ErrorCode.IP_RESET: "a lost connection is 1120 of TCPClient",
    ErrorCode.IP_NOT_CONNECTED: "a lost connection is 1120 of TCPClient",
    ErrorCode.IP_SHUTDOWN: "a lost connection is 1120 of TCPClient",
    ErrorCode.IP_TIMED_OUT: "a time limit is 201 of TCPClient",
    ErrorCode.IP_NOT_EMPTY: "no socket call meets a directory",
    ErrorCode.IP_TOO_MANY_PROCESSES: "no process is started for a connection",
    ErrorCode.IP_NOT_READY: "only Windows' sockets have this state",
    ErrorCode.IP_VERSION: "only Windows' sockets have this state",
    ErrorCode.IP_NOT_INITIALISED: "only Windows' sockets have this state",
    ErrorCode.PGP_ARMOR_TYPE: "gpg passes over armor of another type as over any text: 141",
    ErrorCode.PGP_ARMOR_HEADER: "gpg passes over header lines that it does not know",
    ErrorCode.PGP_ENCODE_PACKET: "gpg makes the packets: 120 or 123 says that it made none",
    ErrorCode.PGP_PACKET_TAG: "gpg passes over packets that it does not know, or says 105",
    ErrorCode.PGP_VERSION: "a packet of an unknown version does not decode: 105",
    ErrorCode.PGP_ALGORITHM: "125, 126 and 127 say which kind, a key of another kind is unusable",
    ErrorCode.PGP_SUBPACKET: "gpg passes over subpackets, or takes the signature for none",
    ErrorCode.PGP_SECRET_CLEAR: "no secret key is written: its protection is its owner's",
    ErrorCode.PGP_WRITE_KEY: "keyrings are only read, and an exported key is a text",
    ErrorCode.PGP_USER_ID: "no user id is made, and one that fits no key is 114",
    ErrorCode.PGP_NOT_COMPRESSED: "gpg takes content with and without compression",
    ErrorCode.PGP_DECOMPRESS: "gpg does not tell it from other damage: 105 or 130",
    ErrorCode.PGP_COMPRESS: "gpg compresses while it signs and encrypts: 120 or 123",
    ErrorCode.PGP_SIGNATURE_TYPE: "it is a verdict on one signature, not an error",
    ErrorCode.PGP_OVERWRITE: "a file is replaced as a whole, or not at all: 116",
    ErrorCode.PGP_MEMORY: "nothing is held in memory whole; a shortage is Python's MemoryError",
}
