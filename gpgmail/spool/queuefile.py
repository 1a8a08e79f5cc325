"""The form of a queue file: a mail on disk, its envelope apart from its content.

    gpgmail-queue 1                      what it is, and the version of this form
    {                                    the envelope, as JSON in UTF-8
     "verb": "MAIL", ...
    }
                                         an empty line
    Subject: ...                         the content, exactly as it goes out before dots are doubled
    end 00000000000000000123 HASH unsent

All lines end in CRLF. The last one, with the CRLF before it, has a fixed length: it is found
without reading the content, and a file without it was cut off. It gives the content's size and the
SHA-256 of everything before it. Its last word is the only thing that ever changes: `unsure` from
the moment when all content was handed to a server until the server has answered.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpgmail.core.envelope import VERBS, Envelope, Recipient, RecipientType
from gpgmail.core.situations import Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.core.errors import GpgmailError

UNSENT, UNSURE = b"unsent", b"unsure"
END_SIZE = 100  # bytes of the end line, with the CRLF before it

_MAGIC = b"gpgmail-queue "
_VERSION = b"1"
_END = re.compile(rb"\r\nend (\d{20}) ([0-9a-f]{64}) (unsent|unsure)\r\n")
_WORD_FROM_END = len(UNSENT) + len(b"\r\n")
_CODEC, _ERRORS = "utf-8", "surrogateescape"
_TYPES = {"to": RecipientType.TO, "cc": RecipientType.CC, "bcc": RecipientType.BCC}
_BLOCK = 1 << 18
_LARGEST_HEAD = 1 << 26  # a hundred thousand recipients have a quarter of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A mail that waits: its envelope, what it asks of the server, and its content.

    *content* gives the same canonical bytes at every call. *verb* is what begins the transaction.
    *size* is the content's length, None where it is not known before it was written.
    """

    envelope: Envelope
    content: Callable[[], Iterator[bytes]]
    needs_utf8: bool = False
    eight_bit: bool = False
    verb: str = "MAIL"
    size: int | None = None

    def __post_init__(self) -> None:
        if self.verb not in VERBS:
            raise Situation.BAD_VALUE.error(f"must be one of {', '.join(VERBS)}", subject="verb")


def encode(mail: Queued) -> Iterator[bytes]:
    """Yield *mail* as the bytes of a queue file.

    Raises:
        UsageError: If a name or address holds what UTF-8 cannot express.
    """
    whole = hashlib.sha256()
    head = _head(mail)
    whole.update(head)
    yield head
    size = 0
    for chunk in mail.content():
        whole.update(chunk)
        size += len(chunk)
        yield chunk
    yield b"\r\nend %020d %s %s\r\n" % (size, whole.hexdigest().encode(), UNSENT)


def dumps(mail: Queued) -> str:
    """Return *mail* as the text of a queue file; the whole of it is in memory.

    Written as UTF-8 the text is the file. Content with other 8-bit bytes becomes lone surrogates,
    which only the error handler `surrogateescape` writes; any other encoding is noticed on reading.
    """
    return b"".join(encode(mail)).decode(_CODEC, _ERRORS)


def parse(
    read_at: Callable[[int, int], bytes],
    size: int,
    name: str,
    tick: Callable[[], None] = lambda: None,
) -> Queued:
    """Return the mail in a queue file of *size* bytes, after all of it was checked.

    Its content is read by *read_at* whenever it is asked for. *tick* is called between blocks and
    may raise; *name* says in errors which file it is.

    Raises:
        MessageError: If the file is damaged, cut off, of another version, or no queue file.
    """
    _check_magic(read_at(0, len(_MAGIC) + 20), name)
    found = _END.fullmatch(read_at(max(0, size - END_SIZE), END_SIZE))
    if found is None:
        raise damaged(name, "was cut off: it has no end line")
    before_end, content_size = size - END_SIZE, int(found[1])
    head_size = before_end - content_size
    if not 0 < head_size <= _LARGEST_HEAD:
        raise damaged(name, "has not the size that its end line says")
    whole = hashlib.sha256()
    for block in _blocks(read_at, 0, before_end, name):
        whole.update(block)
        tick()
    if whole.hexdigest().encode() != found[2]:
        raise damaged(name, "was changed: its SHA-256 is not the one of its end line")
    return _from_head(
        read_at(0, head_size),
        name,
        content=lambda: _blocks(read_at, head_size, content_size, name),
        size=content_size,
    )


def is_unsure(end: bytes) -> bool:
    """Tell from the last bytes of a file whether a server may have got all of its content."""
    found = _END.fullmatch(end[-END_SIZE:])
    return found is not None and found[3] == UNSURE


def word_position(size: int) -> int:
    """Return where `unsent` or `unsure` stands in a queue file of *size* bytes."""
    return size - _WORD_FROM_END


def damaged(name: str, detail: str) -> GpgmailError:
    """Return the error for a file that must not be sent."""
    return Situation.QUEUE_DAMAGED.error(detail, subject=name)


# ---------------------------------------------------------------------------------------- the head


def _head(mail: Queued) -> bytes:
    facts = {
        "verb": mail.verb,
        "smtputf8": mail.needs_utf8,
        "8bitmime": mail.eight_bit,
        "sender": mail.envelope.sender,
        "options": mail.envelope.options,
        "recipients": [
            {
                "type": next(word for word, kind in _TYPES.items() if kind == one.recipient_type),
                "address": one.address,
                "name": one.name,
                "options": one.options,
            }
            for one in mail.envelope.recipients
        ],
    }
    try:
        text = json.dumps(facts, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode(_CODEC)
    except UnicodeEncodeError as error:
        raise Situation.BAD_VALUE.error(str(error), subject="envelope") from None
    return b"%b%b\r\n%b\r\n\r\n" % (_MAGIC, _VERSION, text)


def _check_magic(start: bytes, name: str) -> None:
    line, newline, _ = start.partition(b"\r\n")
    if not line.startswith(_MAGIC) or not newline:
        raise damaged(name, "is no queue file")
    if line != _MAGIC + _VERSION:
        version = ascii(line.removeprefix(_MAGIC).decode("ascii", "replace"))
        raise damaged(name, f"has version {version}, which is not known here")


def _from_head(
    head: bytes, name: str, *, content: Callable[[], Iterator[bytes]], size: int
) -> Queued:
    try:
        facts = _typed(json.loads(head.partition(b"\r\n")[2]), _FACTS)
        mail = Queued(
            envelope=Envelope(
                facts["sender"], tuple(map(_recipient, facts["recipients"])), facts["options"]
            ),
            content=content,
            needs_utf8=facts["smtputf8"],
            eight_bit=facts["8bitmime"],
            verb=facts["verb"],
            size=size,
        )
        if _head(mail) != head:  # one way to write it, so that there is one way to read it
            raise ValueError("not in the one form that it is written in")  # noqa: TRY301 - as below
    except (ValueError, RecursionError) as error:  # what core refuses is a ValueError too
        raise damaged(name, f"has an envelope that cannot be used: {error}") from error
    return mail


def _recipient(value: object) -> Recipient:
    facts = _typed(value, _RECIPIENT)
    if facts["type"] not in _TYPES:
        raise ValueError(f"no type of recipient: {facts['type']!a}")
    return Recipient(facts["address"], facts["name"], _TYPES[facts["type"]], facts["options"])


_FACTS = {
    "verb": str,
    "smtputf8": bool,
    "8bitmime": bool,
    "sender": str,
    "options": str,
    "recipients": list,
}
_RECIPIENT = {"type": str, "address": str, "name": str, "options": str}


def _typed(value: object, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return a JSON object that has exactly these members, of these types."""
    if not isinstance(value, dict) or value.keys() != kinds.keys():
        raise ValueError(f"must have exactly {', '.join(kinds)}")
    wrong = [key for key, kind in kinds.items() if not isinstance(value[key], kind)]
    if wrong:
        raise ValueError(f"of another type: {', '.join(wrong)}")
    return value


def _blocks(
    read_at: Callable[[int, int], bytes], start: int, size: int, name: str
) -> Iterator[bytes]:
    position, end = start, start + size
    while position < end:
        block = read_at(position, min(_BLOCK, end - position))
        if not block:
            raise damaged(name, "lost its end while it was read")
        position += len(block)
        yield block
