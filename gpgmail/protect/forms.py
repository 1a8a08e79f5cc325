"""The forms that signed bytes may have had before they came here.

A signature is over exact bytes, and mails lose some on their way: line ends become LF, `From ` at a
line start becomes `>From `, the last line end goes or doubles. Each form is tried until one has a
signature that is not bad; what is then shown is that form, so that nothing is shown that was not
signed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpgmail.message.walk import Entity

_LINE_END = re.compile(rb"\r?\n")
_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_STUFFED = re.compile(rb"^ ", re.MULTILINE)


def of_entity(raw: bytes) -> Iterator[bytes]:
    """Yield the forms of a signed part, the one with CRLF throughout first (RFC 3156 section 5)."""
    canonical = _LINE_END.sub(b"\r\n", raw)
    seen: set[bytes] = set()
    for form in (
        canonical,
        raw,
        canonical + b"\r\n",
        canonical.removesuffix(b"\r\n"),
        _FROM.sub(rb"\1", canonical),
        canonical.replace(b"\r\n", b"\n"),
    ):
        if form not in seen:
            seen.add(form)
            yield form


def of_cleartext(block: bytes, entity: Entity) -> Iterator[bytes]:
    """Yield the forms of a text that is signed in clear.

    `format=flowed` puts a blank before some lines (RFC 3676 section 4.4).
    """
    yield block
    if entity.params.get("format", "").lower() == "flowed" and _STUFFED.search(block):
        yield _STUFFED.sub(b"", block)
    if _FROM.search(block):
        yield _FROM.sub(rb"\1", block)
