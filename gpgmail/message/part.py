"""MIME entities as data (RFC 2045, RFC 2046): header fields and a body that is read when asked for.

A part is rendered as canonical CRLF bytes, 7-bit safe unless `eight_bit` says otherwise, and as
often as its sources can be read. Nothing here holds a whole attachment.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.core.text import refuse_controls
from gpgmail.message import bodies
from gpgmail.message.charsets import UTF8, Charset
from gpgmail.message.headers import Field, header_bytes, parameter
from gpgmail.message.sources import Source, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gpgmail.core.run import Run

_CONTENT_TYPE = re.compile(r"([\w!#$&^.+-]+)/[\w!#$&^.+-]+ *(?:;[ -~]*)?", re.ASCII)
_CONTENT_ID = re.compile(r"[!-;=?-~]+")
_COMPOSITE = {"multipart", "message"}  # RFC 2046 section 5: base64 is not allowed for them
_UNKNOWN = "application/octet-stream"
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_LONGEST_FILE_NAME = 255  # octets, what file systems allow; a header line holds it three times


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME entity.

    `body_size` counts the bytes that `chunks` yields, None where that is not known before. A
    `verbatim` part has no fields of its own: its chunks are header, empty line and body, exactly as
    they have to stay. `eight_bit` marks a body that could not be encoded without changing it.

    Raises:
        UsageError: If a field cannot stand in a header, or cannot be folded.
    """

    headers: tuple[Field, ...]
    chunks: Callable[[], Iterator[bytes]]
    body_size: int | None = None
    eight_bit: bool = False
    verbatim: bool = False

    def __post_init__(self) -> None:
        """Find such a field while nothing of the mail is on its way."""
        header_bytes(self.headers)

    def render(self) -> Iterator[bytes]:
        """Yield header, empty line and body."""
        if not self.verbatim:
            yield header_bytes(self.headers) + b"\r\n"
        yield from self.chunks()

    @property
    def size(self) -> int | None:
        """How many bytes `render` yields, None where that is not known before."""
        if self.verbatim or self.body_size is None:
            return self.body_size
        return len(header_bytes(self.headers)) + 2 + self.body_size


def text_part(text: str, subtype: str = "plain", charset: Charset = UTF8) -> Part:
    """Return *text* in the first of 7bit, quoted-printable, base64 that keeps it exact.

    Raises:
        UsageError: If the charset cannot express it.
    """
    data = bodies.canonical(charset.encode(text, "text"))
    encoding, body = bodies.encode_text(data)
    fields = (("Content-Type", f"text/{subtype}; charset={charset.name}"), *_encoding(encoding))
    return Part(fields, lambda: iter((body,)), len(body))


def file_part(
    source: Source,
    *,
    name: str | None = None,
    content_type: str = "",
    content_id: str = "",
    inline: bool = False,
    run: Run | None = None,
) -> Part:
    """Return *source* as an attachment in base64, read anew in blocks whenever it is rendered.

    *name* defaults to that of the file, *content_type* to what the name says; *run* is as in
    `look_at`.

    Raises:
        MessageError: If the source cannot be read, now or when it is rendered.
        UsageError: If a name or type cannot stand in a header.
    """
    readable = look_at(source, run)
    name = readable.name if name is None else name
    if len(name.encode(errors="replace")) > _LONGEST_FILE_NAME:
        raise Situation.BAD_VALUE.error("is longer than 255 octets", subject="file name")
    disposition = "inline" if inline else "attachment"
    if name:
        disposition += parameter("filename", refuse_controls(name, "file name"))
    fields = [
        ("Content-Type", _checked_type(content_type) if content_type else guess_type(name)),
        *_encoding("base64"),
        ("Content-Disposition", disposition),
    ]
    if content_id:
        fields.append(("Content-ID", _content_id(content_id)))
    return Part(
        tuple(fields),
        lambda: bodies.base64_lines(readable.chunks()),
        None if readable.size is None else bodies.base64_size(readable.size),
    )


def leaf(
    content_type: str,
    body: bytes | Callable[[], Iterable[bytes]],
    *,
    headers: Iterable[Field] = (),
    size: int | None = None,
) -> Part:
    """Return ready 7-bit text, such as ASCII armor, as a part; LF becomes CRLF.

    *size* is that of the body with CRLF, where a callable gives the body.
    """
    fields = (("Content-Type", content_type), *headers)
    if isinstance(body, bytes):
        data = b"".join(bodies.crlf([body]))
        return Part(fields, lambda: iter((data,)), len(data))
    return Part(fields, lambda: bodies.crlf(body()), size)


def verbatim(
    chunks: Callable[[], Iterator[bytes]], *, size: int | None = None, eight_bit: bool = False
) -> Part:
    """Return an entity whose bytes, header included, are there already and must not change."""
    return Part((), chunks, size, eight_bit, verbatim=True)


def multipart(
    subtype: str,
    parts: Sequence[Part],
    parameters: Mapping[str, str] | None = None,
    headers: Iterable[Field] = (),
) -> Part:
    """Return *parts* joined by a boundary of 128 random bits, which no part can foresee."""
    boundary = f"=_{os.urandom(16).hex()}"  # `=_` stands in no base64 and no quoted-printable
    values = {**(parameters or {}), "boundary": boundary}
    content_type = f"multipart/{subtype}" + "".join(
        parameter(name, value) for name, value in values.items()
    )
    eight_bit = any(part.eight_bit for part in parts)
    encoding = _encoding("8bit") if eight_bit else ()
    delimiter = f"--{boundary}\r\n".encode()
    end = f"--{boundary}--\r\n".encode()

    def chunks() -> Iterator[bytes]:
        for part in parts:
            yield delimiter
            yield from part.render()
            yield b"\r\n"
        yield end

    sizes = [part.size for part in parts]
    known = [size + len(delimiter) + 2 for size in sizes if size is not None]
    return Part(
        (("Content-Type", content_type), *encoding, *headers),
        chunks,
        sum(known) + len(end) if len(known) == len(parts) else None,
        eight_bit,
    )


def guess_type(name: str) -> str:
    """Return the content type that the ending of a file name stands for."""
    import mimetypes

    # Only the ending is looked at: mimetypes would take a name with a colon for a URL.
    ending = name.rpartition("/")[2].partition(".")[2]
    found, compression = mimetypes.guess_type(f"x.{ending}")
    if compression:
        return _COMPRESSED.get(compression, _UNKNOWN)
    return found if found and found.partition("/")[0] not in _COMPOSITE else _UNKNOWN


def _checked_type(content_type: str) -> str:
    found = _CONTENT_TYPE.fullmatch(refuse_controls(content_type, "content type"))
    if found is None:
        raise Situation.BAD_VALUE.error("is not a content type", subject=repr(content_type))
    if found[1].lower() in _COMPOSITE:
        raise Situation.BAD_VALUE.error(
            "cannot be the type of an attached file: base64 is not allowed for it (RFC 2046)",
            subject=content_type,
            hint=f"leave it out, or use {_UNKNOWN}",
        )
    return content_type


def _content_id(content_id: str) -> str:
    refuse_controls(content_id, "content id")
    bare = content_id.removeprefix("<").removesuffix(">")
    if not _CONTENT_ID.fullmatch(bare):
        raise Situation.BAD_VALUE.error("is not a content id", subject=repr(content_id))
    return f"<{bare}>"


def _encoding(name: str) -> tuple[Field]:
    return (("Content-Transfer-Encoding", name),)
