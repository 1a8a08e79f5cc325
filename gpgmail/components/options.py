"""The rows that the components honour themselves, and those that can mean nothing here."""

from __future__ import annotations

from gpgmail.core.checks import between, one_of, seconds
from gpgmail.core.declare import Declared, inert, prop, setting
from gpgmail.delivery.options import BCC_POLICIES
from gpgmail.keys.trust import parse


def _trust(value: str) -> str:
    if value:
        parse(value)
    return value


def _key_id_length(value: int) -> int:
    if value not in {4, 8}:
        raise ValueError(f"must be 4 or 8, not {value}")
    return value


class SourceOptions(Declared):
    """Where the content of the mail comes from, when not from `message_text` alone.

    A mail has one source: whichever of `message`, `local_file`, the stream and `message_text` was
    set last takes the place of the others.
    """

    message: bytes = prop(
        default=b"",
        private=True,
        doc="The mail as it goes out, encoded by the caller: whole where it begins with header "
        "fields, From among them, else the body alone. Only LF becomes CRLF.",
    )
    local_file: str = prop(default="", doc="Path of a file with what `message` would hold.")
    attached_file: str = prop(default="", doc="Path of a file to attach, after `attachments`.")
    html_text: str = prop(
        default="",
        private=True,
        doc="HTML text, beside `message_text` as its plain alternative. Ours.",
    )
    close_stream_after_transfer: bool = setting(
        default=True,
        key="CloseStreamAfterTransfer",
        doc="Close the stream that set_message_stream() was given when the mail was sent.",
    )


class ComponentOptions(Declared):
    """How much a component tells, and what it does with queued mails."""

    log_level: int = setting(
        default=1,
        key="LogLevel",
        check=between(0, 3),
        doc="Status events: 0 none, 1 information, 2 details, 3 debugging.",
    )
    keep_queue: bool = setting(
        default=False,
        key="KeepQueue",
        doc="process_queue() renames what it sent to `.sent` instead of removing it.",
    )
    select_wait_millis: int = setting(
        default=20,
        key="SelectWaitMillis",
        check=seconds,
        doc="Milliseconds that do_events() waits.",
    )


class InertOptions(Declared):
    """What other platforms of the reference have, and nothing here answers to."""

    gui_available: bool = inert(
        default=False, key="GUIAvailable", why="there is no message loop of a window system"
    )
    process_idle_events: bool = inert(
        default=True, key="ProcessIdleEvents", why="events are delivered by the call that runs"
    )
    use_daemon_threads: bool = inert(
        default=False, key="UseDaemonThreads", why="a component starts no Java threads"
    )
    use_internal_security_api: bool = inert(
        default=False,
        key="UseInternalSecurityAPI",
        why="cryptography is delegated to gpg and OpenSSL, there is none within",
    )
    use_fips_compliant_api: bool = inert(
        default=False,
        key="UseFIPSCompliantAPI",
        why="whether gpg and OpenSSL are in FIPS mode is decided by the system",
    )
    firewall_listener: bool = inert(
        default=False, key="FirewallListener", why="a component does not listen"
    )
    ssl_client_ca_certs: str = inert(
        default="", key="SSLClientCACerts", why="only a server verifies client certificates"
    )
    ssl_context_protocol: str = inert(
        default="", key="SSLContextProtocol", why="it names a protocol of Java's SSLContext"
    )
    ssl_trust_manager_factory_algorithm: str = inert(
        default="",
        key="SSLTrustManagerFactoryAlgorithm",
        why="it names an algorithm of Java's TrustManagerFactory",
    )


class KeyOptions(Declared):
    """Whose keys are taken, and that they are."""

    trust: str = setting(
        default="",
        key="Trust",
        check=_trust,
        doc="Which keys belong to an address of a recipient: `gnupg` by gpg's validity, "
        "`pinned:FILE` by a list, `always` whichever is found; empty for `gnupg` in directories "
        "and `always` in files. Keys named by fingerprint are not asked. Ours.",
    )
    bcc_policy: str = setting(
        default="separate",
        key="BccPolicy",
        check=one_of(BCC_POLICIES),
        doc="How Bcc recipients of an encrypted message stay unknown: `separate` sends each a copy "
        "that names his key alone, `hidden` one copy to all in which their keys have no id, "
        "`forbid` refuses. A key is theirs by the address in its user id. Ours.",
    )
    key_id_length: int = setting(
        default=8,
        key="KeyIdLength",
        check=_key_id_length,
        doc="Bytes of the key ids that are shown, 4 or 8; a key is found by either.",
    )
    require_protection: bool = setting(
        default=True,
        key="RequireProtection",
        doc="send() refuses a message for which keys are set but not used. Ours.",
    )
