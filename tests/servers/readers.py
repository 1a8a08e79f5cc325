"""Readers that we did not write: gpg called directly, and notmuch (GMime and gpgme).

Rules of this file:
- Nothing of the package under test is used, and no generator of the standard library either: signed
  bytes are cut out of the mail as they stand, since a re-serialised part proves nothing.
- A mail is given as delivered. Line ends are made CRLF first where a maildir holds LF, as RFC 3156
  section 5 signs them.
- The home with the keys is the caller's, who also ends its agent.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.servers.unpacked import environment, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

_SECONDS: Final = 60


class NotReadableError(Exception):
    """The mail has not the structure that it was read for, or the reader itself failed."""


# ---------------------------------------------------------------------------- exact bytes of a mail


def canonical(mail: bytes) -> bytes:
    """The mail with CRLF line ends; one that has them already is returned as it is."""
    return mail if b"\r\n" in mail else mail.replace(b"\n", b"\r\n")


def parts(mail: bytes) -> list[bytes]:
    """The exact bytes of each part of a multipart mail, with its header, without delimiters.

    Raises: NotReadableError when the mail is no multipart.
    """
    mail = canonical(mail)
    boundary = _header(mail).get_boundary()
    if boundary is None:
        raise NotReadableError(f"a {_header(mail).get_content_type()} mail has no parts")
    delimiter = rb"\r\n--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?=\r\n|$)"
    pieces = re.split(delimiter, mail)
    return [piece.removeprefix(b"\r\n") for piece in pieces[1:-1]]  # no preamble, no epilogue


def two_parts(mail: bytes, content_type: str) -> tuple[bytes, bytes]:
    """Both parts of a mail of that content type.

    Raises: NotReadableError when the mail is not of that content type or has not just two parts.
    """
    kind = _header(mail).get_content_type()
    if kind != content_type:
        raise NotReadableError(f"a {kind} mail, not {content_type}")
    found = parts(mail)
    if len(found) != len(("first", "second")):
        raise NotReadableError(f"{len(found) + 1} delimiter lines, not three")
    return found[0], found[1]


def content_of(part: bytes) -> bytes:
    """What stands below the header, as it stands."""
    return part.partition(b"\r\n\r\n")[2]


def _header(mail: bytes) -> EmailMessage:
    return email.message_from_bytes(
        canonical(mail).partition(b"\r\n\r\n")[0], policy=email.policy.default
    )


def signed_parts(mail: bytes) -> tuple[bytes, bytes]:
    """What a multipart/signed mail signs, exactly, and its detached signature."""
    signed, signature = two_parts(mail, "multipart/signed")
    return signed, content_of(signature)


def encrypted_part(mail: bytes) -> bytes:
    """The OpenPGP message of a multipart/encrypted mail.

    Raises: NotReadableError when the control part is not the one of RFC 3156 section 4.
    """
    control, message = two_parts(mail, "multipart/encrypted")
    if content_of(control).strip() != b"Version: 1":
        raise NotReadableError(f"the control part is {control!r}")
    return content_of(message)


# ------------------------------------------------------------------------------------ gpg itself


@dataclass(frozen=True, slots=True)
class GpgVerdict:
    """What gpg said.

    `signature` is good, bad, error, expired, revoked or empty, a word for each signature. `signer`
    is the primary key, `signing_key` the (sub)key that signed, empty where none is valid.
    `recipients` are the key ids in the encrypted message, `status` all status lines without their
    prefix.
    """

    content: bytes
    decrypted: bool
    signature: str
    signer: str
    signing_key: str
    recipients: tuple[str, ...]
    status: tuple[str, ...] = field(repr=False)


_SIGNATURES: Final = {
    "GOODSIG": "good",
    "BADSIG": "bad",
    "ERRSIG": "error",
    "EXPSIG": "expired",
    "EXPKEYSIG": "expired",
    "REVKEYSIG": "revoked",
}


def _judge(content: bytes, errors: bytes) -> GpgVerdict:
    prefix = "[GNUPG:] "
    lines = errors.decode("utf-8", "replace").splitlines()
    status = tuple(line.removeprefix(prefix) for line in lines if line.startswith(prefix))
    words = [line.split() for line in status]
    valid = [word for word in words if word[0] == "VALIDSIG"]
    return GpgVerdict(
        content=content,
        decrypted="DECRYPTION_OKAY" in status,
        signature=" ".join(_SIGNATURES[word[0]] for word in words if word[0] in _SIGNATURES),
        signer=" ".join(word[10] for word in valid),
        signing_key=" ".join(word[1] for word in valid),
        recipients=tuple(word[1] for word in words if word[0] == "ENC_TO"),
        status=status,
    )


@dataclass(frozen=True, slots=True)
class Gpg:
    """gpg as a reader, in a home that holds the reader's keys."""

    home: Path
    passphrase: str | None = field(default=None, repr=False)

    def read(self, message: bytes) -> GpgVerdict:
        """Open an OpenPGP message of any kind: encrypted, signed, or both, armored or not."""
        return self._run("--decrypt", data=message)

    def read_encrypted(self, mail: bytes) -> GpgVerdict:
        """Open the OpenPGP message of a multipart/encrypted mail."""
        return self.read(encrypted_part(mail))

    def verify_signed(self, mail: bytes) -> GpgVerdict:
        """Verify a multipart/signed mail over the exact bytes of its first part."""
        return self.verify(*signed_parts(mail))

    def verify(self, signed: bytes, signature: bytes) -> GpgVerdict:
        """Verify a detached signature."""
        with tempfile.NamedTemporaryFile(suffix=".asc") as file:
            file.write(signature)
            file.flush()
            return self._run("--verify", file.name, "-", data=signed)

    def _run(self, *arguments: str, data: bytes) -> GpgVerdict:
        command = ["gpg", "--batch", "--no-tty", "--homedir", os.fspath(self.home)]
        command += ["--status-fd", "2", "--pinentry-mode"]
        read, write = os.pipe()
        with os.fdopen(read, "rb") as passphrase:
            with os.fdopen(write, "wb") as secret:
                secret.write((self.passphrase or "").encode() + b"\n")
            if self.passphrase is None:
                command += ["error"]
            else:
                command += ["loopback", "--passphrase-fd", str(passphrase.fileno())]
            done = subprocess.run(
                [*command, *arguments],
                input=data,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
                pass_fds=[passphrase.fileno()],
            )
        return _judge(done.stdout, done.stderr)


# ---------------------------------------------------------------------------------------- notmuch


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the mail: `text` where notmuch shows text, `content` where it was asked for."""

    content_type: str
    filename: str
    text: str | None
    number: int = field(default=0, compare=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class NotmuchVerdict:
    """What notmuch said.

    `decrypted` is full, partial or empty, `signatures` has status and fingerprint of each.
    `signature_encrypted` says that the signature was found inside of the encryption.
    """

    subject: str
    decrypted: str
    signatures: tuple[tuple[str, str], ...]
    signature_encrypted: bool
    parts: tuple[Part, ...]


def _leaves(nodes: list[dict[str, Any]]) -> Iterator[Part]:
    for node in nodes:
        content = node.get("content")
        if isinstance(content, list):
            # A message/rfc822 part has one entry with a body of its own.
            yield from _leaves([leaf for entry in content for leaf in entry.get("body", [entry])])
        else:
            yield Part(node["content-type"], node.get("filename", ""), content, node["id"])


class Notmuch:
    """notmuch as a reader: each mail in a database of its own, which goes after the answer."""

    def __init__(self, home: Path) -> None:
        """Read with the keys of this home, which must not want a passphrase.

        Raises: ServerUnavailableError when notmuch was not fetched.
        """
        self._home = home
        self._program = program("usr/bin/notmuch")

    def read(self, mail: bytes, *, files: bool = False) -> NotmuchVerdict:
        """Decrypt and verify one mail, and take out its *files*: what it does not show as text.

        Raises: NotReadableError when notmuch does not take the file for a mail.
        """
        with tempfile.TemporaryDirectory(prefix="gpgmail-notmuch-") as directory:
            verdict = self._read(Path(directory), mail)
            if not files:
                return verdict
            parts = tuple(self._with_content(part, Path(directory)) for part in verdict.parts)
            return replace(verdict, parts=parts)

    def _with_content(self, part: Part, directory: Path) -> Part:
        if part.content_type == "text/plain" and not part.filename:
            return part
        taken = ("--format=raw", "--decrypt=true", f"--part={part.number}")
        return replace(part, content=self._run(directory / "config", "show", *taken, "*"))

    def _read(self, directory: Path, mail: bytes) -> NotmuchVerdict:
        store, config = directory / "mail", directory / "config"
        for name in ("new", "cur", "tmp"):
            (store / name).mkdir(parents=True)
        (store / "cur" / "mail").write_bytes(mail)
        config.write_text(f"[database]\npath={store}\n[user]\nprimary_email=reader@example.org\n")
        self._run(config, "new", "--quiet", "--no-hooks")
        shown = self._run(
            config, "show", "--format=json", "--verify", "--decrypt=true", "--include-html", "*"
        )
        threads = json.loads(shown)
        if not threads:
            raise NotReadableError("notmuch does not take it for a mail")
        return self._judge(threads[0][0][0])

    def _judge(self, shown: dict[str, Any]) -> NotmuchVerdict:
        crypto = shown.get("crypto", {})
        signed = crypto.get("signed", {})
        signatures = signed.get("status", [])
        return NotmuchVerdict(
            subject=shown["headers"].get("Subject", ""),
            decrypted=crypto.get("decrypted", {}).get("status", ""),
            signatures=tuple((each["status"], each.get("fingerprint", "")) for each in signatures),
            signature_encrypted=signed.get("encrypted", False),
            parts=tuple(_leaves(shown["body"])),
        )

    def _run(self, config: Path, *arguments: str) -> bytes:
        # Without HOME notmuch leaves a database that it then calls too old.
        places = {"HOME": config.parent, "NOTMUCH_CONFIG": config, "GNUPGHOME": self._home}
        done = subprocess.run(
            [self._program, *arguments],
            env=environment(**{name: str(path) for name, path in places.items()}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode != 0:
            raise NotReadableError(f"notmuch {arguments[0]}: {done.stderr.decode()}")
        return done.stdout
