"""The rows that say how mails are sent, for accounts, the command line and Ansible alike.

A row's name, with dashes for underscores, is the option `--name`; in capitals behind `GPGMAIL_` it
is the environment's; as it stands it is the key in a configuration file. `from` loses the
underscore that Python needs. Rows that hold several words are arrays in a file, and are split like
a shell's words in the environment.
"""

from __future__ import annotations

from gpgmail.core.checks import one_of, seconds
from gpgmail.core.declare import Declared, prop
from gpgmail.core.run import DEFAULT_TIMEOUT
from gpgmail.crypto.engines import NAMES

ENCRYPT = ("never", "prefer", "require")
BCC = ("separate", "hidden", "forbid")
FORMATS = ("pgpmime", "inline")
# In a configuration file these name files, relative to its own directory.
PATHS = frozenset({"keyring", "ca_file", "password_file", "passphrase_file"})


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
    proxy: str = prop(
        default="",
        doc="Proxy URL, http://, socks5://, socks5h://, socks4:// or socks4a://; or environment, "
        "for what ALL_PROXY, HTTPS_PROXY and NO_PROXY name.",
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
    engine: str = prop(default="auto", check=one_of(NAMES), doc="What does the cryptography.")
    passphrase_file: str = prop(default="", doc="File with the passphrase in its first line.")
    passphrase_command: str = prop(
        default="", doc="Command, run without a shell, that prints the passphrase."
    )


class PolicyOptions(Declared):
    """What is done to every mail to a recipient, a domain, or everybody."""

    sign: bool = prop(default=False, doc="Sign with the key of the sender's address.")
    encrypt: str = prop(
        default="never",
        check=one_of(ENCRYPT),
        doc="require: encrypt, or send nothing. prefer: encrypt where every recipient has a key. "
        "never: do not.",
    )


class MailOptions(PolicyOptions):
    """What is done to a mail."""

    from_: str = prop(default="", doc="Sender of mails that name none.")
    signer: tuple[str, ...] = prop(
        default=(), doc="Sign with these keys instead: fingerprints, key ids or addresses."
    )
    format: str = prop(
        default="pgpmime",
        check=one_of(FORMATS),
        doc="pgpmime (RFC 3156), or inline, OpenPGP in the text itself.",
    )
    bcc_policy: str = prop(
        default="separate",
        check=one_of(BCC),
        doc="Encrypted mail to Bcc recipients: separate copies, hidden key ids, or forbid.",
    )


class AccountOptions(ServerOptions, KeyringOptions, MailOptions):
    """Everything that an account can say."""

    fallback: tuple[str, ...] = prop(
        default=(), doc="Accounts to send through where this one's server cannot be had."
    )
