"""The text of an HTML part, as far as armor in it needs that.

Some mail programs put armor into HTML, a line in each element. Nothing here renders: what comes out
is text for gpg, and never goes back into HTML, where other markup could enclose it (EFAIL).
"""

from __future__ import annotations

from html.parser import HTMLParser

# A line ends where one of these begins or ends.
_BREAKS = frozenset(
    {"address", "article", "blockquote", "body", "br", "dd", "div", "dl", "dt", "li", "ol", "p"}
    | {"pre", "section", "table", "td", "tr", "ul"}
)
_UNSEEN = frozenset({"head", "script", "style", "title"})
# Elements and attributes that show nothing by themselves.
_NEUTRAL = _BREAKS | {"html", "head", "meta", "span", "font", "b", "i", "u"}
_QUIET = frozenset({"charset", "class", "content", "dir", "http-equiv", "lang", "name", "xmlns"})


class _Text(HTMLParser):
    """Collects text, and notes what shows something without being text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.shows = False
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        self.shows = self.shows or tag not in _NEUTRAL or any(n not in _QUIET for n, _ in attrs)
        if tag in _BREAKS:
            self.pieces.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._unseen -= tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BREAKS - {"br"}:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(data)


def text_of(html: str) -> str:
    """Return the text of *html*, with a line end where an element begins or ends a line."""
    return "".join(_parsed(html).pieces)


def shows_nothing(html: str) -> bool:
    """Tell whether *html* has no text and nothing else that a reader could see or that acts."""
    parsed = _parsed(html)
    return not parsed.shows and not "".join(parsed.pieces).strip()


def _parsed(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return parser
