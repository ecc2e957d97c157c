"""Turns html into plain text: tables keep their columns, scripts are left out. Pure.

It uses a few regular expressions that take linear time on any input. The standard library's
parser takes minutes for 200 KB of comments that are not closed, which any kernel can send.
"""

from __future__ import annotations

import html
import re

from kerneltui.words import more

MAX_HTML = 200_000
"""Characters that are read; a longer page is not for reading in a pane."""
MAX_CELL = 60  # characters of one cell of a table
GAP = "  "  # between columns

_SILENT = frozenset(("script", "style", "head", "title", "template", "svg", "math"))
_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "caption", "dd", "details", "div", "dl"),
        *("dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table"),
        "ul",
    )
)
# Possessive (*+): a repetition never backtracks, else the time would be quadratic.
_TAG = re.compile(r"<(?:(/?)([a-zA-Z][a-zA-Z0-9]*+)([^<>]*+)|[!?][^<>]*+)>")
_ALT = re.compile(r"""\balt\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_NUMBER = re.compile(r"^(?:[-+]?[.,]*+\d[\d.,]*+(e[-+]?\d++)?%?|nan|-?inf)$", re.IGNORECASE)
_HUGE_REFERENCE = re.compile(r"&#(?=\d{8})")
"""A number too large for a character, and perhaps too long for int()."""


def html_text(page: str) -> str:
    """Return the text of `page`, "" if it has none; of a long page, the beginning and a mark."""
    if len(page) > MAX_HTML:
        missing = more(len(page) - MAX_HTML, "characters of html")
        return f"{html_text(page[:MAX_HTML])}\n{missing}"
    reader = _Reader()
    begun, *others = page.split("<!--")
    source = begun + "".join(other.partition("-->")[2] for other in others)
    place = 0
    for tag in _TAG.finditer(source):
        reader.say(_unescaped(source[place : tag.start()]))
        place = tag.end()
        slash, name, attributes = tag.groups()
        if name and slash:
            reader.end(name.lower())
        elif name:
            reader.begin(name.lower(), attributes)
    reader.say(_unescaped(source[place:]))
    return reader.text()


def _unescaped(text: str) -> str:
    return html.unescape(_HUGE_REFERENCE.sub("&amp;#", text))


class _Reader:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        """Pieces of the line that is being read."""
        self._silent = ""
        """The element whose content is not shown, "" outside of any."""
        self._silences = 0
        self._pre = 0
        self._tables = 0
        self._rows: list[list[list[str]]] = []
        """The cells, in pieces, of the outermost table; a table inside it is text of a cell."""

    def text(self) -> str:
        self._end_table()
        self._end_line()
        return "\n".join(line.rstrip() for line in self._lines).strip("\n")

    # -- what is read ----

    def begin(self, tag: str, attributes: str) -> None:
        if self._silent:
            self._silences += tag == self._silent
        elif tag in _SILENT:
            self._silent, self._silences = tag, 1
        elif self._tables:
            self._begin_in_table(tag)
        else:
            self._begin(tag)
        if tag == "img" and (alt := _ALT.search(attributes)):
            self.say(_unescaped(alt[1] or alt[2] or ""))

    def end(self, tag: str) -> None:
        if self._silent:
            self._silences -= tag == self._silent
            if not self._silences:
                self._silent = ""
        elif self._tables:
            self._tables -= tag == "table"
            if not self._tables:
                self._end_table()
        elif tag in _BLOCKS:
            self._pre -= tag == "pre" and self._pre > 0
            self._break()

    def say(self, data: str) -> None:
        if self._silent:
            return
        if self._tables:
            if self._rows and self._rows[-1]:
                self._rows[-1][-1].append(data)
        elif self._pre:
            *ended, tail = data.split("\n")
            for line in ended:
                self._write(line)
                self._end_line()
            self._write(tail)
        else:
            text = _SPACES.sub(" ", data)
            self._write(text if self._line else text.lstrip())

    # -- lines ----

    def _begin(self, tag: str) -> None:
        if tag == "br":
            self._end_line()
        elif tag in _BLOCKS:
            self._break()
        if tag == "li":
            self._write("• ")
        elif tag == "hr":
            self._write("───")
            self._end_line()
        elif tag == "pre":
            self._pre += 1
        elif tag == "table":
            self._tables = 1

    def _write(self, text: str) -> None:
        if text:
            self._line.append(text)

    def _break(self) -> None:
        if self._line:
            self._end_line()

    def _end_line(self) -> None:
        self._lines.append("".join(self._line))
        self._line.clear()

    # -- tables ----

    def _begin_in_table(self, tag: str) -> None:
        if tag == "table":
            self._tables += 1
        elif self._tables == 1 and tag == "tr":
            self._rows.append([])
        elif self._tables == 1 and tag in ("td", "th"):
            if not self._rows:
                self._rows.append([])
            self._rows[-1].append([])
        else:
            self.say(" ")

    def _end_table(self) -> None:
        self._tables = 0
        self._break()
        self._lines += _aligned([["".join(cell) for cell in row] for row in self._rows if row])
        self._rows = []


def _aligned(rows: list[list[str]]) -> list[str]:
    """Return the rows as lines, padded into columns; columns of numbers are right-aligned."""
    table = [[_SPACES.sub(" ", cell).strip()[:MAX_CELL] for cell in row] for row in rows]
    widths: list[int] = []
    for row in table:
        widths += [0] * (len(row) - len(widths))
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], len(cell))
    numeric = [True] * len(widths)
    for row in table[1:]:
        for column, cell in enumerate(row):
            if cell and not _NUMBER.match(cell):
                numeric[column] = False
    return [
        GAP.join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=False)
        )
        for row in table
    ]
