"""What a reader should see of an opened mail, as a standard EmailMessage.

The outer header fields stay, but for those that the protected content has itself; the content is that
of the core, on its exact bytes, or where inline OpenPGP was opened the opened parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from gpgmail.message.walk import Entity
from gpgmail.protect.verdict import ReadPart

_REPLACED = ("content-", "mime-version")


def rebuild(root: Entity, core: Entity, opened: Sequence[ReadPart] | None) -> EmailMessage:
    """Return the mail *root* with the content of *core*, or with the *opened* parts."""
    if opened is not None:
        return _of_parts(root, opened)
    if core is root:
        return _parse(root.raw)
    own = {name.lower() for name, _ in core.fields}
    lines = _outer_lines(root, without=own)
    return _parse("".join(lines).encode("utf-8", "surrogateescape") + core.raw)


def _outer_lines(root: Entity, without: set[str]) -> list[str]:
    kept = (
        (name, value)
        for name, value in root.fields
        if name.lower() not in without and not name.lower().startswith(_REPLACED)
    )
    return [*(f"{name}: {value}\r\n" for name, value in kept), "MIME-Version: 1.0\r\n"]


def _of_parts(root: Entity, parts: Sequence[ReadPart]) -> EmailMessage:
    lines = "".join(_outer_lines(root, without=set()))
    message = _parse(f"{lines}\r\n".encode("utf-8", "surrogateescape"))
    first, *rest = parts
    if first.content_type == "text/plain":
        message.set_content(first.text)
    else:
        rest = list(parts)
        message.set_content("")
    for part in rest:
        main, _, sub = part.content_type.partition("/")
        message.add_attachment(
            part.content,
            maintype=main if main not in {"multipart", "message"} else "application",
            subtype=sub if main not in {"multipart", "message"} else "octet-stream",
            filename=part.name or None,
        )
    return message


def _parse(data: bytes) -> EmailMessage:
    parsed = BytesParser(policy=policy.default).parsebytes(data)
    return parsed
