"""One job, done through each face: the toolkit, the component, the command line.

A face sends the job and answers with what became of it, in one shape for all three, so that a test
that names the faces holds for each of them. Nothing is mocked: the command line runs whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gpgmail
from gpgmail import PSMTP
from gpgmail.components import Attachment as Attached
from gpgmail.components import Key
from tests.support import commands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_IMPLICIT, _STARTTLS, _PLAIN = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A mail, its protection, and the server: everything that all faces can be told."""

    port: int
    host: str = "127.0.0.1"
    tls: str = "none"
    ca_file: str = ""
    user: str = ""
    password: str = ""
    from_: str = "sender@example.org"
    to: tuple[str, ...] = ("alice@example.org",)
    bcc: tuple[str, ...] = ()
    bcc_policy: str = "separate"
    subject: str = "Grüße"
    text: str = "Everything is safe.\n"
    attach: tuple[Path, ...] = ()
    sign: bool = True
    encrypt: bool = True
    keyring: Path | str = ""
    passphrase: str = ""
    inline: bool = False
    timeout: int = 20

    @property
    def url(self) -> str:
        """The server URL."""
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        query = "?tls=required" if self.tls == "starttls" else ""
        return f"{scheme}://{self.host}:{self.port}{query}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a job; `number` is 0 where nothing failed.

    `text` is the whole of what a person reads. `refused` has the server's words by address.
    """

    family: str = ""
    number: int = 0
    text: str = ""
    hint: str = ""
    retry: str = ""
    candidates: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> tuple[str, int]:
        """Family and number."""
        return self.family, self.number


def toolkit(job: Job) -> Report:
    """Send through `Mailer` with a `Draft`."""
    try:
        with gpgmail.Mailer(
            job.url,
            keyring=job.keyring or None,
            passphrase=job.passphrase or None,
            user=job.user or None,
            password=job.password or None,
            ca_file=job.ca_file or None,
            timeout=job.timeout,
        ) as mailer:
            receipt = mailer.send(
                gpgmail.Draft(
                    from_=job.from_,
                    to=", ".join(job.to),
                    bcc=", ".join(job.bcc),
                    subject=job.subject,
                    text=job.text,
                    attachments=tuple(gpgmail.Attachment(source=path) for path in job.attach),
                ),
                sign=job.sign,
                encrypt=job.encrypt,
                format="inline" if job.inline else "pgpmime",
                bcc=job.bcc_policy,
            )
    except gpgmail.GpgmailError as error:
        return _failed(error)
    return Report(refused={who: str(reply) for who, reply in receipt.refused.items()})


def component(job: Job) -> Report:
    """Send through `PSMTP`; the recipients' keys are named by their addresses."""
    mailer = PSMTP()
    try:
        _fill(mailer, job)
        protect = {
            (True, True): mailer.sign_and_encrypt,
            (True, False): mailer.sign,
            (False, True): mailer.encrypt,
            (False, False): lambda: None,
        }
        protect[job.sign, job.encrypt]()
        mailer.send()
    except gpgmail.GpgmailError as error:
        return _failed(error)
    finally:
        mailer.close()
    return Report()


def _fill(mailer: PSMTP, job: Job) -> None:
    mailer.mail_server = job.host
    mailer.mail_port = job.port
    mailer.ssl_start_mode = {"implicit": _IMPLICIT, "starttls": _STARTTLS}.get(job.tls, _PLAIN)
    mailer.user = job.user
    mailer.password = job.password
    mailer.timeout = job.timeout
    mailer.from_ = job.from_
    mailer.send_to = ", ".join(job.to)
    mailer.b_cc = ", ".join(job.bcc)
    mailer.subject = job.subject
    mailer.message_text = job.text
    settings = {
        "OpenSSLCAFile": job.ca_file,
        "MessageFormat": "INLINE" if job.inline else "PGPMIME",
        "ProcessAttachments": "True",
        "BccPolicy": job.bcc_policy,
    }
    for name, value in settings.items():
        mailer.config(f"{name}={value}")
    for path in job.attach:
        mailer.attachments.append(Attached(path))
    if job.sign:
        mailer.keys.append(Key(job.keyring, job.from_, passphrase=job.passphrase))
    for address in (*job.to, *job.bcc) if job.encrypt else ():
        mailer.recipient_keys.append(Key(job.keyring, address))


def command(job: Job) -> Report:
    """Send through `gpgmail send --json`, within this process; the text comes on standard input."""
    secrets = {"passphrase": job.passphrase, "password": job.password}
    arguments = ["send", "--server", job.url, "--from", job.from_, "--subject", job.subject]
    arguments += ["--timeout", str(job.timeout), "--json"]
    for name, value in secrets.items():
        if value:
            arguments += [f"--{name}-command", f"printf '%s\\n' {value!r}"]
    for name in ("sign", "encrypt"):
        arguments += [f"--{name}"] if getattr(job, name) else []
    for name, value in (("user", job.user), ("ca-file", job.ca_file), ("keyring", job.keyring)):
        arguments += [f"--{name}", value] if value else []
    for name, values in (("to", job.to), ("bcc", job.bcc), ("attach", job.attach)):
        for value in values:
            arguments += [f"--{name}", value]
    arguments += ["--format", "inline" if job.inline else "pgpmime"]
    arguments += ["--bcc-policy", job.bcc_policy]
    arguments += [] if job.text else ["--empty"]
    outcome = commands.call(*arguments, stdin=job.text.encode())
    assert "Traceback" not in outcome.errors
    told = json.loads(outcome.text)
    if "error" not in told:
        assert outcome.code == (69 if told["refused"] else 0)
        return Report(refused={who: _words(reply) for who, reply in told["refused"].items()})
    assert outcome.code in range(64, 79)
    assert outcome.errors == ""
    return _failure_told(told["error"])


def _failure_told(told: dict[str, Any]) -> Report:
    return Report(
        family=told["family"],
        number=told["number"],
        text=told["message"],
        hint=told["hint"],
        retry=told["retry"],
        candidates=tuple(one["fingerprint"] for one in told.get("candidates", ())),
        refused={who: _words(reply) for who, reply in told.get("refused", {}).items()},
    )


def _words(reply: dict[str, Any]) -> str:
    return f"{reply['code']} {reply['text']}"


def _failed(error: gpgmail.GpgmailError) -> Report:
    refused = getattr(error, "refused", {})
    return Report(
        family=str(error.code.family),
        number=error.code.number,
        text=str(error),
        hint=error.hint,
        retry=str(error.retry),
        candidates=tuple(one.fingerprint for one in getattr(error, "candidates", ())),
        refused={who: str(reply) for who, reply in refused.items()},
    )


FACES: dict[str, Callable[[Job], Report]] = {
    "toolkit": toolkit,
    "component": component,
    "command": command,
}
