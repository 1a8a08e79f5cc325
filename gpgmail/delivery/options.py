"""The rows that say how mails are sent, for accounts, the command line and Ansible alike.

A row's name, with dashes for underscores, is the option `--name`; in capitals behind `GPGMAIL_` it
is the environment's; as it stands it is the key in a configuration file. `from` loses the
underscore that Python needs. Rows that hold several words are arrays in a file, and are split like
a shell's words in the environment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, get_args

from gpgmail.core.checks import between, one_of, seconds
from gpgmail.core.declare import Declared, prop
from gpgmail.core.passphrases import ANY_KEY
from gpgmail.core.run import DEFAULT_TIMEOUT
from gpgmail.core.secret import MASK
from gpgmail.crypto.engines import AUTO, NAMES
from gpgmail.delivery.ending import WARN_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpgmail.core.declare import Row

Encrypt = Literal["never", "prefer", "require"]
ENCRYPT: Sequence[Encrypt] = get_args(Encrypt)
Format = Literal["pgpmime", "inline"]
FORMATS: Sequence[Format] = get_args(Format)
BccPolicy = Literal["separate", "hidden", "forbid"]
BCC_POLICIES: Sequence[BccPolicy] = get_args(BccPolicy)
OnUnencryptable = Literal["fail", "notice", "drop", "hold"]
ON_UNENCRYPTABLE: Sequence[OnUnencryptable] = get_args(OnUnencryptable)
# What is done with a mail of an idempotency key that may have arrived; see delivery/once.py.
Uncertain = Literal["fail", "send", "skip"]
UNCERTAIN: Sequence[Uncertain] = get_args(Uncertain)

# In a configuration file these name files, relative to its own directory.
PATHS = frozenset(
    {
        *("keyring", "ca_file", "password_file", "token_file", "passphrase_file"),
        *("aliases", "queue"),
    }
)
# Those are of the server: whoever names another one means none of these.
LOGIN = frozenset(
    {"user", "password", "password_file", "password_command", "token_file", "token_command"}
)
_URLS = frozenset({"server", "proxy"})
# Up to the last @: one that was not percent-encoded is of the password too.
_PASSWORD = re.compile(r"(://[^:@/?#]*):.*@", re.DOTALL)
_FOR_KEY = re.compile(r"((?:0[xX])?[0-9A-Fa-f]{16,64})=(.*)", re.DOTALL)


class ServerOptions(Declared):
    """Where mails go, and who says so."""

    server: str = prop(
        default="",
        doc="Server URL: smtps://HOST (TLS), smtp://HOST (STARTTLS, not on this machine), "
        "smtp+insecure://HOST, with :PORT where it is not the usual one; or lmtp://HOST:PORT, "
        "lmtp+unix:/PATH.",
    )
    user: str = prop(default="", doc="Name to log in with.")
    password: str = prop(
        default="", secret=True, doc="Password; better left to password_file or password_command."
    )
    password_file: str = prop(default="", doc="File with the password in its first line.")
    password_command: str = prop(
        default="", doc="Command, run without a shell, that prints the password."
    )
    token_file: str = prop(
        default="", doc="File with a bearer token (OAuth 2.0) in its first line, for a password."
    )
    token_command: str = prop(
        default="",
        doc="Command, run without a shell at each connection, that prints a bearer token.",
    )
    proxy: str = prop(
        default="",
        doc="Proxy URL, http://, socks5://, socks5h://, socks4:// or socks4a://; or environment, "
        "for what ALL_PROXY, HTTPS_PROXY and NO_PROXY name.",
    )
    hello: str = prop(
        default="", doc="Name to greet the server with; by default this machine's full name."
    )
    ca_file: str = prop(default="", doc="File of authorities to trust in place of the system's.")
    timeout: int = prop(
        default=int(DEFAULT_TIMEOUT),
        check=seconds,
        doc="Seconds without any progress after which to give up; 0 for never.",
    )


class KeyringOptions(Declared):
    """Which keys, and how they are opened."""

    keyring: tuple[str, ...] = prop(
        default=(),
        doc="Home, directory or file with keys; your own home if there is none. The first one "
        "signs, the others add public keys.",
    )
    trust: str = prop(
        default="",
        doc="Which keys belong to an address: as gnupg says, always, or as pinned:FILE says; by "
        "default what fits the kind of the keyring.",
    )
    engine: str = prop(
        default=AUTO,
        check=one_of(NAMES),
        doc="What has gpg do its work: gnupg starts it, gpgme has libgpgme start it; auto is "
        "gnupg.",
    )
    warn_days: int = prop(
        default=WARN_DAYS,
        check=between(0, 3650),
        doc="Days before the end of a key from which on mails made with it warn of it; 0 for "
        "never.",
    )
    passphrase_file: tuple[str, ...] = prop(
        default=(),
        doc="File with the passphrase in its first line, which only you may read; of one key with "
        "KEY= before it, its fingerprint or key id.",
    )
    passphrase_command: tuple[str, ...] = prop(
        default=(),
        doc="Command, run without a shell, that prints the passphrase; or KEY=COMMAND.",
    )
    passphrase_fd: tuple[str, ...] = prop(
        default=(), doc="Descriptor on which the next line is the passphrase; or KEY=DESCRIPTOR."
    )
    passphrase_keyring: tuple[str, ...] = prop(
        default=(),
        doc="Entry of the desktop's keyring that has the passphrase, SERVICE or SERVICE/NAME, the "
        "key's fingerprint if there is no NAME; or KEY=ENTRY.",
    )


class PolicyOptions(Declared):
    """What is done to every mail to a recipient, a domain, or everybody."""

    sign: bool = prop(default=False, doc="Sign with the key of the sender's address.")
    encrypt: str = prop(
        default="never",
        check=one_of(ENCRYPT),
        doc="Encrypt to the keys of all recipients. require: encrypt, or send nothing. prefer: "
        "encrypt where every recipient has a key. never: do not.",
    )


class UnencryptableOptions(Declared):
    """What happens where a mail has to be encrypted and cannot be."""

    on_unencryptable: str = prop(
        default="fail",
        check=one_of(ON_UNENCRYPTABLE),
        doc="What happens where a recipient must get encrypted mail and has no key to use. fail: "
        "nobody gets it. notice: he gets a notice without its content instead. drop: he gets "
        "nothing. hold: it waits in the queue, encrypted to the hold key. With the last three the "
        "others get the mail.",
    )


class RecipientOptions(PolicyOptions, UnencryptableOptions):
    """What a policy can say of a recipient, a domain, or everybody."""


class MailOptions(PolicyOptions):
    """What is done to a mail."""

    from_: str = prop(default="", doc="Sender of mails that name none.")
    signer: tuple[str, ...] = prop(
        default=(), doc="Sign with these keys instead: fingerprints, key ids or addresses."
    )
    format: str = prop(
        default="pgpmime",
        check=one_of(FORMATS),
        doc="Form of what is protected: pgpmime (RFC 3156), or inline, OpenPGP in the text itself.",
    )
    bcc_policy: str = prop(
        default="separate",
        check=one_of(BCC_POLICIES),
        doc="How Bcc recipients of an encrypted mail stay unknown: separate, a copy for each with "
        "his key alone; hidden, one copy for all with hidden key ids; or forbid them.",
    )


class SubmissionOptions(UnencryptableOptions):
    """What `gpgmail-sendmail` makes of the mails that programs hand to it."""

    domain: str = prop(
        default="",
        doc="Domain of addresses that have none; by default what /etc/mailname says, otherwise "
        "this machine's name.",
    )
    aliases: str = prop(
        default="", doc="File that says who gets the mail of local names, as /etc/aliases does."
    )
    hold_key: str = prop(
        default="",
        doc="Key that held mails are encrypted to, one that can be opened here; by default that "
        "of the sender.",
    )
    queue: str = prop(
        default="",
        doc="Directory of your own in which mails wait that no server takes now; gpgmail-sendmail "
        "-q sends them.",
    )


class AccountOptions(
    ServerOptions, KeyringOptions, MailOptions, SubmissionOptions, RecipientOptions
):
    """Everything that an account can say."""

    fallback: tuple[str, ...] = prop(
        default=(), doc="Accounts to send through where this one's server cannot be had."
    )


def without_secret(row: Row, value: Any) -> Any:  # noqa: ANN401 - any row's
    """Return the value of a row as people may see it: a mask for a password, also within a URL."""
    if row.secret and value:
        return MASK
    return _PASSWORD.sub(rf"\1:{MASK}@", value) if row.name in _URLS else value


def for_key(value: str) -> tuple[str, str]:
    """Take KEY=SOURCE apart; the key is a fingerprint or a key id, or `ANY_KEY`."""
    found = _FOR_KEY.fullmatch(value)
    return (found[1], found[2]) if found else (ANY_KEY, value)
