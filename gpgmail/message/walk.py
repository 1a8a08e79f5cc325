"""Takes a received mail apart and keeps where every byte of it lies.

A signature covers exact bytes, so an entity here is spans of the data that arrived, never something
written anew (cpython#99533 is what happens otherwise). Boundaries are looked for from the outside
inwards: no inner part reaches past the delimiter of an outer one (RFC 2046 section 5.1.2). Where
readers could disagree about what is in a mail, it is refused: a verdict about a part is worth
nothing when another reader sees another part.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpgmail.core.situations import Situation
from gpgmail.message.headers import parameter_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gpgmail.core.errors import GpgmailError

MOST_LEVELS = 50
MOST_PARTS = 5000
_MOST_HEADER = 1024 * 1024  # bytes of one header
# Of a field whose parameters the library takes apart, in a time that grows with their product.
_LONGEST_TYPE = 16 * 1024  # characters
_MOST_PARAMETERS = 400
_LONGEST_ENCODED = 2048  # characters of a file name in encoded words

_TEXT = "text/plain"  # RFC 2045 section 5.2: what a part is that does not say
_MESSAGE = "message/rfc822"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MBOX = (b"From ", b">From ")
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_TYPE = re.compile(r"[\w!#$%&'*+.^`{|}~-]+/[\w!#$%&'*+.^`{|}~-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entity:
    """A mail or a part of one: `data[start:end]`, whose body begins at `body_start`.

    `fields` are unfolded but not decoded. `terminated` says that a multipart had its closing
    delimiter.
    """

    data: bytes
    start: int
    body_start: int
    end: int
    fields: tuple[tuple[str, str], ...]
    content_type: str
    params: Mapping[str, str]
    children: tuple[Entity, ...] = ()
    terminated: bool = True

    @property
    def raw(self) -> bytes:
        """Header and body exactly as they arrived; what a signature over this part covers."""
        return self.data[self.start : self.end]

    @property
    def body(self) -> bytes:
        """The body exactly as it arrived, still in its transfer encoding."""
        return self.data[self.body_start : self.end]

    def get(self, name: str) -> str:
        """Return the value of the first field *name*, empty where there is none."""
        return _first(self.fields, name)

    def decoded(self) -> bytes:
        """Return the body without its transfer encoding.

        Raises:
            MessageError: If the encoding is unknown or broken.
        """
        encoding = self.get("Content-Transfer-Encoding").strip().lower()
        try:
            return _DECODERS[encoding](self.body)
        except KeyError:
            raise _bad(f"has an unknown transfer encoding: {encoding}") from None
        except ValueError as error:
            raise _bad(f"has a broken {encoding} body: {error}") from None

    @property
    def name(self) -> str:
        """The part's file name, without what would change the line that it is shown in."""
        from email.errors import MessageError
        from email.header import decode_header, make_header
        from email.message import Message

        message: Message[str, str] = Message()
        for field in ("Content-Type", "Content-Disposition"):
            if (value := self.get(field)) and not _beyond_measure(value):
                message[field] = value
        try:
            text = message.get_filename("")
            # Against RFC 2047 section 5, and what many programs write.
            if "=?" in text and len(text) <= _LONGEST_ENCODED:
                text = str(make_header(decode_header(text)))
        except (LookupError, MessageError, TypeError, ValueError):  # of broken RFC 2231 or 2047
            return ""
        return "".join(char if char.isprintable() else "_" for char in text)

    def walk(self) -> Iterator[Entity]:
        """Yield this entity and all below it, in their order."""
        yield self
        for child in self.children:
            yield from child.walk()


def arrived(data: bytes) -> bytes:
    """Return a mail as `parse` takes it: no byte order mark, and CRLF where lines end in CR."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    return data if b"\n" in data else data.replace(b"\r", b"\r\n")


def parse(data: bytes) -> Entity:
    """Take *data*, a mail with CRLF or LF line ends, apart.

    Raises:
        MessageError: If it is empty, is nested or split beyond measure, or can be read in two ways.
    """
    if not data.strip():
        raise _bad("is empty")
    return _Walker(data).entity(0, len(data), _TEXT, 0)


class _Walker:
    """One pass over one mail, with the count that its limits need."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts = 0

    def entity(self, start: int, end: int, default_type: str, level: int) -> Entity:
        self._parts += 1
        if level > MOST_LEVELS or self._parts > MOST_PARTS:
            raise _bad(f"has more than {MOST_LEVELS} levels or {MOST_PARTS} parts")
        fields, body_start = self._header(start, end)
        content_type, params = _content_type(fields, default_type)
        children: tuple[Entity, ...] = ()
        terminated = True
        if content_type.startswith("multipart/") and params.get("boundary"):
            child_type = _MESSAGE if content_type == "multipart/digest" else _TEXT
            spans, terminated = self._spans(body_start, end, params["boundary"])
            children = tuple(self.entity(*span, child_type, level + 1) for span in spans)
        elif content_type == _MESSAGE and _is_plain(fields):
            children = (self.entity(body_start, end, _TEXT, level + 1),)
        return Entity(
            self._data, start, body_start, end, fields, content_type, params, children, terminated
        )

    def _header(self, start: int, end: int) -> tuple[tuple[tuple[str, str], ...], int]:
        """Return the fields, and where the body begins.

        A line that is no field ends the header and belongs to the body, as it does for others.
        """
        fields: list[tuple[bytes, list[bytes]]] = []
        position = start
        for found in _LINE.finditer(self._data, start, end):
            line = found[0]
            position = found.start()
            if position - start > _MOST_HEADER:
                raise _bad(f"has a header of more than {_MOST_HEADER} bytes")
            if line in (b"\r\n", b"\n"):
                position = found.end()
                break
            if line[:1] in (b" ", b"\t") and fields:
                fields[-1][1].append(line)
            elif field := _FIELD.fullmatch(line):
                fields.append((field[1], [field[2]]))
            elif not (position == 0 and line.startswith(_MBOX)):
                break
            position = found.end()
        return tuple(map(_unfolded, fields)), position

    def _spans(self, start: int, end: int, boundary: str) -> tuple[list[tuple[int, int]], bool]:
        """Return where the parts between the delimiters lie, and whether the last one closes."""
        if not (boundary.isascii() and boundary.isprintable()):
            raise _bad("has a boundary that RFC 2046 does not allow")
        exact = re.escape(boundary.encode())
        delimiter = re.compile(rb"(?m:^)--" + exact + rb"(--)?[ \t]*(?:\r?\n|\Z)")
        spans: list[tuple[int, int]] = []
        opened: int | None = None
        for found in delimiter.finditer(self._data, start, end):
            if opened is not None:
                spans.append((opened, self._before_line_end(opened, found.start())))
            opened = found.end()
            if found[1]:
                return spans, True
        if opened is not None and opened < end:
            spans.append((opened, end))
        return spans, False

    def _before_line_end(self, start: int, end: int) -> int:
        """Return *end* without the line end that belongs to the delimiter behind it."""
        for line_end in (b"\r\n", b"\n"):
            if self._data.endswith(line_end, start, end):
                return end - len(line_end)
        return end


def _unfolded(field: tuple[bytes, list[bytes]]) -> tuple[str, str]:
    name, lines = field
    value = _FOLD.sub(b"", b"".join(lines)).strip(b" \t\r\n")
    return name.decode("ascii"), value.decode("utf-8", "surrogateescape")


def _content_type(
    fields: tuple[tuple[str, str], ...], default: str
) -> tuple[str, Mapping[str, str]]:
    for name in ("content-type", "content-transfer-encoding"):
        if sum(field.lower() == name for field, _ in fields) > 1:
            raise _bad(f"has two {name} fields, of which readers take one or the other")
    value = _first(fields, "content-type")
    if not value:
        return default, {}
    if _beyond_measure(value):
        raise _bad(
            f"has a content type of more than {_LONGEST_TYPE} characters"
            f" or {_MOST_PARAMETERS} parameters"
        )
    from email.message import Message

    message: Message[str, str] = Message()
    message["content-type"] = value
    found = _TYPE.match(value)
    try:
        pairs = message.get_params(failobj=[])[1:]
        params = {name.lower(): parameter_text(text) for name, text in pairs}
    except (LookupError, TypeError, ValueError) as error:  # of broken RFC 2231 continuations
        raise _bad(f"has a content type that cannot be read: {error}") from None
    if len(params) < len(pairs):
        raise _bad("has a content type that names a parameter twice")
    return found[0].lower() if found else _TEXT, params


def _beyond_measure(value: str) -> bool:
    return len(value) > _LONGEST_TYPE or value.count(";") > _MOST_PARAMETERS


def _is_plain(fields: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether a body stands as it is; a message in base64 is against RFC 2046."""
    return _first(fields, "content-transfer-encoding").strip().lower() in _IDENTITY


def _first(fields: tuple[tuple[str, str], ...], name: str) -> str:
    wanted = name.lower()
    return next((value for field, value in fields if field.lower() == wanted), "")


def _base64(body: bytes) -> bytes:
    import binascii

    return binascii.a2b_base64(body)


def _quoted_printable(body: bytes) -> bytes:
    import binascii

    return binascii.a2b_qp(body)


_IDENTITY = ("", "7bit", "8bit", "binary")
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(_IDENTITY, bytes),
    "base64": _base64,
    "quoted-printable": _quoted_printable,
}


def _bad(detail: str) -> GpgmailError:
    return Situation.BAD_MESSAGE.error(detail, subject="the mail")
