"""The component face: rows, accessors, handlers, collections, and constructors made of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

from gpgmail import PSMTP, SMTP
from gpgmail.components import Attachment, Key
from gpgmail.components.collection import Collection
from gpgmail.core import events

# ------------------------------------------------------------------ constructors made of the rows

plain = SMTP(mail_server="mail.example.org", mail_port=25, ssl_enabled=True, log_level=2)
mailer = PSMTP(from_="me@example.org", signing_algorithm="SHA512", message_format="PGPMIME")
assert_type(mailer, PSMTP)

SMTP(25)  # type: ignore[call-arg, arg-type]  # pyright: ignore[reportCallIssue]
SMTP(mail_prot=25)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
SMTP(mail_port="25")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SMTP(signing_algorithm="SHA512")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
PSMTP(from_=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
PSMTP(connected=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# ------------------------------------------------------------------------- attributes and accessors

assert_type(mailer.mail_port, int)
assert_type(mailer.subject, str)
assert_type(mailer.ssl_enabled, bool)
assert_type(mailer.clear_signature, bool)
assert_type(mailer.get_mail_port(), int)
assert_type(mailer.get_from(), str)
assert_type(mailer.get_key_count(), int)
assert_type(mailer.get_key_keyring(0), str)
assert_type(mailer.get_key_encoded(0), bytes | str)
assert_type(mailer.recipient_key_count, int)
assert_type(mailer.config("ClearSignature"), str)
mailer.mail_port = 2525
mailer.set_from("me@example.org")
mailer.set_key_encoded(0, b"")
mailer.set_key_passphrase(0, "secret")
mailer.attachment_count = 1

mailer.mail_port = "25"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
mailer.subject = None  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
mailer.set_mail_port("25")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mailer.get_key_keyring("0")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mailer.get_key_keyring()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
mailer.config(ClearSignature=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
mailer.key_count = "1"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
plain.sign()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
plain.get_key_count()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

# ------------------------------------------------------------------------------- read-only members

assert_type(mailer.connected, bool)
assert_type(mailer.idle, bool)
assert_type(mailer.last_reply, str)
mailer.connected = "yes"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
mailer.idle = False  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
mailer.last_reply = ""  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]

# ---------------------------------------------------------------------------------------- handlers


def on_passphrase(event: events.KeyPassphrase) -> None:
    assert_type(event.user_id, str)
    event.passphrase = "secret"
    event.passphrase = 1  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]


def on_trail(event: events.PITrail) -> None:
    assert_type(event.direction, int)
    assert_type(event.message, str)


mailer.on_key_passphrase = on_passphrase
mailer.on_pi_trail = on_trail
mailer.on_error = lambda event: (event.error_code, event.description)
mailer.on_status = None
mailer.on_status = repr
assert_type(plain.on_key_passphrase, Callable[[events.KeyPassphrase], object] | None)

mailer.on_pi_trail = on_passphrase  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
mailer.on_error = "handler"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
mailer.on_sign = repr  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

# ------------------------------------------------------------------------------------- collections

assert_type(mailer.keys, Collection[Key])
assert_type(mailer.attachments, Collection[Attachment])
assert_type(mailer.recipient_keys[0], Key)
assert_type([key.keyring for key in mailer.keys], list[str])
mailer.keys.append(Key("/home/me/.gnupg", "me@example.org", passphrase="secret"))
mailer.recipient_keys.extend([Key(encoded=b""), Key(encoded="")])
mailer.attachments = [Attachment("report.pdf"), Attachment(data=b"", name="a.txt")]
mailer.keys.count = 2

mailer.keys.append(Attachment())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
mailer.keys[0] = "key"  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
mailer.keys = [1]  # type: ignore[list-item]  # pyright: ignore[reportAttributeAccessIssue]
mailer.keys["0"]  # type: ignore[index]  # pyright: ignore[reportArgumentType]

# -------------------------------------------------------------------------------------------- keys

key = Key("/home/me/.gnupg", fingerprint="0" * 40)
assert_type(key.user_id, str)
assert_type(key.public_key_length, int)
assert_type(key.revoked, bool)
assert_type(key.usage_flags, int)
key.user_id = "me@example.org"

Key(keyring=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Key(key_id="")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
key.user_id = None  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
key.revoked = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
key.effective_date = ""  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
