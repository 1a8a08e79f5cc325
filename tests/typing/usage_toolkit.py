"""The toolkit face: Mailer, Keyring, read, values that cannot be changed, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import assert_type

import gpgmail
from gpgmail.core import events
from gpgmail.core.replies import Reply

message = EmailMessage()

# ------------------------------------------------------------------------------------------ mailer


def passphrase(event: events.KeyPassphrase) -> str | None:
    return event.fingerprint or None


def wrong_passphrase(event: events.PITrail) -> str:
    return event.message


with gpgmail.Mailer(
    "smtp://127.0.0.1", keyring=gpgmail.Keyring.open("~/.gnupg"), passphrase=passphrase
) as mailer:
    assert_type(mailer, gpgmail.Mailer)
    receipt = mailer.send(message, sign=True, encrypt=["a@example.org"], format="inline")
    assert_type(receipt, gpgmail.Receipt)
    assert_type(receipt.accepted, tuple[str, ...])
    assert_type(receipt.refused, Mapping[str, Reply])
    assert_type(receipt.reply, Reply | None)
    mailer.send(gpgmail.Draft(from_="me@example.org", to="you@example.org"))
    mailer.on(events.PITrail, lambda event: event.direction)
    mailer.on(events.KeyPassphrase, wrong_passphrase)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailer.on("status", repr)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailer.send(b"Subject: x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailer.send(message, format="smime")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    mailer.send(message, True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    mailer.send(message, sign=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    receipt.accepted = ()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]

with gpgmail.Mailer.from_account("work", config=Path("config.toml"), timeout=5) as by_account:
    assert_type(by_account, gpgmail.Mailer)
    assert_type(by_account.send(message), gpgmail.Receipt)
    assert_type(by_account.rehearse(message, encrypt=True), gpgmail.Rehearsal)
    by_account.rehearse(message, encrypt=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    by_account.rehearse(message, sing=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    by_account.write(
        message,
        sign=True,
        symmetric="words",
        then=lambda letter, run: run.status(letter.message_id),
    )
    by_account.write(message, format="smime")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

gpgmail.Mailer("smtp://127.0.0.1", passphrase=gpgmail.Secret("x"))
gpgmail.Mailer("smtp://127.0.0.1", passphrase={"FPR": "x"})
gpgmail.Mailer("smtp://127.0.0.1", passphrase=gpgmail.Passphrase.from_file(Path("secret")))
gpgmail.Mailer(
    "smtp://127.0.0.1",
    passphrase={
        "FPR": gpgmail.Passphrase.from_command(["pass", "show", "x"], timeout=5),
        "OTHER": gpgmail.Passphrase.from_keyring("gpgmail"),
        "": gpgmail.Secret("x"),
    },
)
gpgmail.Mailer("smtp://127.0.0.1", passphrase=Path("secret"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
gpgmail.Passphrase.from_fd("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
gpgmail.Mailer("smtp://127.0.0.1", passphrase=wrong_passphrase)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
gpgmail.Mailer("smtp://127.0.0.1", keyrings=())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
gpgmail.Mailer("smtp://127.0.0.1", "~/.gnupg")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# ---------------------------------------------------------------------------------- keyrings, keys

keyring = gpgmail.Keyring.open(Path("keys.asc"))
gpgmail.Keyring.open(b"-----BEGIN")
gpgmail.Keyring.open()
gpgmail.Keyring.open(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
for key in keyring.keys("me@example.org", secret=True):
    assert_type(key, gpgmail.Key)
    assert_type(key.fingerprint, str)
    assert_type(key.expires, datetime | None)
    assert_type(key.other_user_ids, tuple[str, ...])
    key.disabled = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    key.fingerprint = ""  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
keyring.keys("me", True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
keyring.name = ""  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]

# ----------------------------------------------------------------------------------------- secrets

secret = gpgmail.Secret("x")
assert_type(secret.reveal(), str)
text: str = secret  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
gpgmail.Secret(b"x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# ----------------------------------------------------------------------------------------- reading

mail = gpgmail.read(b"", keyring="~/.gnupg", passphrase="x")
assert_type(mail, gpgmail.ReadMail)
assert_type(mail.message, EmailMessage)
assert_type(mail.verdict, gpgmail.Verdict)
gpgmail.read(b"", "~/.gnupg")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
mail.verdict = None  # type: ignore[misc, assignment]  # pyright: ignore[reportAttributeAccessIssue]

# ------------------------------------------------------------------------------------------ errors

try:
    keyring.find_recipient("you@example.org")
except gpgmail.KeySelectionError as error:
    assert_type(error.candidates, tuple[gpgmail.Candidate, ...])
    assert_type(error.code, gpgmail.ErrorCode)
    assert_type(error.code.number, int)
except gpgmail.ServerError as error:
    assert_type(error.refused, Mapping[str, Reply])
    error.candidates  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
