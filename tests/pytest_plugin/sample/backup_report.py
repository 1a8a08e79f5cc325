"""A program as people have it: it mails the report of a backup, signed and encrypted."""

from __future__ import annotations

import subprocess
import sys
from email.message import EmailMessage

import gpgmail

TRIES = 2


def report(sender: str, recipient: str, text: str) -> EmailMessage:
    """Compose the report."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Backup"
    mail.set_content(text)
    mail.add_attachment(text.encode(), maintype="text", subtype="csv", filename="volumes.csv")
    return mail


def send(
    server: str, mail: EmailMessage, keyring: str, more: tuple[str, ...] = (), **login: str
) -> gpgmail.Receipt:
    """Send it, once more where the server asks for that."""
    with gpgmail.Mailer(server, keyring=keyring, more_keyrings=more, **login) as mailer:
        for tries_left in reversed(range(TRIES)):
            try:
                return mailer.send(mail, sign=True, encrypt=True)
            except gpgmail.ServerError as error:
                if error.retry is not gpgmail.Retry.LATER or not tries_left:
                    raise
    raise AssertionError("not reached")


def sign_file(path: str) -> bytes:
    """Sign a file with gpg itself, by the key that it takes by default."""
    command = ["gpg", "--batch", "--armor", "--detach-sign", "--output", "-", path]
    return subprocess.run(command, check=True, capture_output=True).stdout


def main() -> None:
    """Send what stands on standard input: `backup_report.py SERVER SENDER RECIPIENT`."""
    server, sender, recipient = sys.argv[1:]
    send(server, report(sender, recipient, sys.stdin.read()), "")


if __name__ == "__main__":
    main()
