"""The text of an HTML part, as far as armor in it needs that.

Some mail programs put armor into HTML, a line in each element. Nothing here renders: what comes out
is text for gpg, and never goes back into HTML, where other markup could enclose it (EFAIL). It is
one pass whatever a stranger wrote, which the library's parser is not on every Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A line ends where one of these begins or ends.
_BREAKS = frozenset(
    {"address", "article", "blockquote", "body", "br", "dd", "div", "dl", "dt", "li", "ol", "p"}
    | {"pre", "section", "table", "td", "tr", "ul"}
)
_UNSEEN = frozenset({"script", "style", "title"})
# Elements and attributes that show nothing by themselves.
_NEUTRAL = _BREAKS | {"html", "head", "meta", "span", "font", "b", "i", "u"}
_QUIET = frozenset({"charset", "class", "content", "dir", "http-equiv", "lang", "name", "xmlns"})
_START = re.compile(r"<(?=[!?]|/?[A-Za-z])")  # any other `<` is text
_NAME = re.compile(r"(/?)([A-Za-z][A-Za-z0-9:-]*)")
_ATTRIBUTES = re.compile(r"""([^\s=/"'>]+)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?""")
_COMMENT, _COMMENT_END = "<!--", "-->"
_NO_CHARACTER = re.compile(r"&#[0-9]{1000,};?")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    attributes: str
    closing: bool


def text_of(html: str) -> str:
    """Return the text of *html*, with a line end where an element begins or ends a line."""
    return "".join(map(_as_text, _tokens(html)))


def shows_nothing(html: str) -> bool:
    """Tell whether *html* has no text and nothing else that a reader could see or that acts."""
    return all(
        _is_neutral(token) if isinstance(token, _Tag) else not _unescaped(token).strip()
        for token in _tokens(html)
    )


def _as_text(token: str | _Tag) -> str:
    if isinstance(token, str):
        return _unescaped(token)
    ends = token.name in _BREAKS and not (token.closing and token.name == "br")
    return "\n" if ends else ""


def _unescaped(text: str) -> str:
    """Return *text* with its references as characters; numbers that int() refuses are none."""
    return unescape(_NO_CHARACTER.sub(_REPLACEMENT, text))


def _is_neutral(tag: _Tag) -> bool:
    names = (found[1].lower() for found in _ATTRIBUTES.finditer(tag.attributes))
    return tag.name in _NEUTRAL and all(name in _QUIET for name in names)


def _tokens(html: str) -> Iterator[str | _Tag]:
    """Yield texts and tags; comments, declarations and what no reader shows are left out."""
    position = 0
    while found := _START.search(html, position):
        yield html[position : found.start()]
        end, tag = _markup(html, found.start())
        if tag is not None:
            yield tag
        if tag is not None and tag.name in _UNSEEN and not tag.closing:
            closing = re.compile(f"</{tag.name}", re.IGNORECASE).search(html, end)
            end = closing.start() if closing else len(html)
        position = end
    yield html[position:]


def _markup(html: str, start: int) -> tuple[int, _Tag | None]:
    """Return where the markup at *start* ends, and its tag if it is one."""
    if html.startswith(_COMMENT, start):
        return _behind(html, _COMMENT_END, start + len(_COMMENT)), None
    name = _NAME.match(html, start + 1)
    if name is None:
        return _behind(html, ">", start), None
    end = _behind(html, ">", name.end())
    return end, _Tag(name[2].lower(), html[name.end() : end].rstrip(">/"), closing=bool(name[1]))


def _behind(html: str, mark: str, start: int) -> int:
    found = html.find(mark, start)
    return found + len(mark) if found >= 0 else len(html)
