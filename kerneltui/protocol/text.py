"""Make text of kernels and files safe to show: one line for a cell, styled lines for output.

Rule: text from here holds no control character, no lone surrogate and nothing that reorders the
text around it. Of escape sequences only colours and styles are kept, as `TextStyle`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from kerneltui.protocol.ansi import PLAIN, Colour, TextStyle, apply_sgr
from kerneltui.words import more

__all__ = [
    "PLAIN",
    "Colour",
    "Line",
    "OutputDecoder",
    "Span",
    "TextStyle",
    "clean_line",
    "clean_lines",
    "plain",
    "shorten",
]

MAX_COLUMNS = 10_000
"""Characters of one line: several screens, and few enough for a pane to lay out."""
SHOWN_LINES = 2_000
"""Lines of one text in a widget that lays out all of it: that takes less than a second."""
SHOWN_CHARACTERS = 100_000
TAB_STOP = 8
MAX_MARKS = 4
"""Zero-width characters on one base: enough for every living script, too few for a tower."""


class Span(NamedTuple):
    """A stretch of text in one style. A tuple: a flood makes a million of them a second."""

    text: str
    style: TextStyle = PLAIN


Line = tuple[Span, ...]
"""One line without its newline; () is an empty one."""

# Letters and digits of every script, and blocks of symbols that hold no mark, format or
# control character. Anything else is looked up one by one.
_SAFE = (
    r" -~\w\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2030-\u205f\u20a0-\u20c0\u2100-\u2bff"
    r"\u3001-\u3029\u3030-\u303f\uff01-\uffef\U0001f000-\U0001faff"
)
_UNSAFE = re.compile(rf"[^\n{_SAFE}]")
_LINE_BREAK = re.compile("[\n\x85\u2028\u2029]")

# What may stand between stretches of safe text: a whole escape sequence (OSC, DCS, SOS, PM or APC;
# CSI; any other) or one unsafe character. The bounds limit how much of an unfinished sequence is
# held; an unfinished string (OSC and the like) is skipped, not held.
_CONTROL = re.compile(
    rf"""(
    (?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\r\x07\x18\x1a\x1b\x9c]*[\x07\x18\x1a\x9c]?
  | (?:\x1b\[|\x9b)[0-?]{{0,256}}[ -/]{{0,8}}[@-~]?
  | \x1b[ -/]{{0,8}}[0-~]?
  | [^{_SAFE}]
    )""",
    re.VERBOSE,
)
_STRING = re.compile("\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f]")
_STRING_END = re.compile("[\x07\x18\x1a\x9c]|(?=[\r\x1b])")
_UNENDED = re.compile("(?:\x1b\\[|\x9b)[ -?]*|\x1b[ -/]*")
_OBEYED = re.compile("(?:\x1b\\[|\x9b)([0-?]*)([Km])")

_REPLACEMENT = "\ufffd"
_BIDI_OVERRIDES = (*range(0x202A, 0x202F), *range(0x2066, 0x2070))
_BIDI_HINTS = (0x061C, 0x200E, 0x200F)  # normal in Arabic and Hebrew: removed, not marked
_SHOWN = (
    {chr(code): chr(0x2400 + code) for code in range(0x20)}
    | {"\x7f": "\u2421"}
    | {chr(code): "" for code in (*range(0x80, 0xA0), *_BIDI_HINTS)}
    | {chr(code): _REPLACEMENT for code in (*range(0xD800, 0xE000), *_BIDI_OVERRIDES)}
)
# For a cell: there is one line only, and nothing in it may hide what came before.
_FLATTEN = str.maketrans({"\t": " ", "\r": "\n", "\v": "\n", "\f": "\n", "\b": "\u2408"})
_RAW_PER_SHOWN = 8  # characters read for one that is shown: room for escape sequences


def plain(line: Line) -> str:
    """Return the text of `line` without its styles."""
    return "".join(span.text for span in line)


LINE_BREAK = " ↵ "
"""Stands for a line break in code that is shown as one line."""


def clean_line(text: str, limit: int = 200) -> str:
    """Return `text` as one safe line of at most `limit` (1 or more) characters, for a cell.

    Line breaks and tabs become spaces; a cut is shown by "…".
    """
    head = text[: limit * _RAW_PER_SHOWN]
    if "\n" in head or _UNSAFE.search(head) is not None:
        lines = OutputDecoder().feed(head.translate(_FLATTEN) + "\n")
        head = " ".join(filter(None, (plain(line).strip() for line in lines)))
    if len(head) <= limit and len(text) <= limit * _RAW_PER_SHOWN:
        return head
    return head[: limit - 1] + "…"


def clean_code(text: str, limit: int = 200) -> str:
    """Return code as one safe line that shows its line breaks, cut as by `clean_line`."""
    lines = text[: limit * _RAW_PER_SHOWN].splitlines()
    cut = "…" if len(text) > limit * _RAW_PER_SHOWN else ""
    return clean_line(LINE_BREAK.join(filter(None, map(str.strip, lines))) + cut, limit)


def clean_lines(
    text: str, lines: int = SHOWN_LINES, characters: int = SHOWN_CHARACTERS
) -> list[Line]:
    """Return the beginning of `text` as safe lines, for a widget that lays out all of it.

    If something is left out, one more line tells how much.
    """
    decoder = OutputDecoder()
    shown = decoder.feed(text[:characters])
    if decoder.open_line:
        shown.append(decoder.open_line)
    missing = max(0, len(shown) - lines) + text.count("\n", characters)
    if missing:
        shown[lines:] = [(Span(more(missing, "lines")),)]
    elif len(text) > characters:
        shown.append((Span(more(len(text) - characters, "characters")),))
    return shown


def shorten(lines: Sequence[str], limit: int = SHOWN_LINES) -> list[str]:
    """Return the first `limit` lines; if some are left out, one more line tells how many."""
    missing = len(lines) - limit
    return [*lines[:limit], more(missing, "lines")] if missing > 0 else list(lines)


class OutputDecoder:
    """Turns the text of a stream into styled lines; it may come in pieces of any size.

    The style, an unfinished escape sequence and the open line carry over to the next piece. A
    newline ends every sequence, so that none swallows more than its line.
    """

    def __init__(self) -> None:
        self._style = PLAIN
        self._line = _OpenLine()
        self._held = ""
        """The beginning of an escape sequence; its end has not come yet."""
        self._in_string = False
        """Whether the text is inside an OSC, DCS, SOS, PM or APC; its content is not shown."""

    @property
    def open_line(self) -> Line:
        """The line that has not ended yet."""
        return self._line.spans()

    def feed(self, text: str) -> list[Line]:
        """Return the lines that `text` completes."""
        safe = _UNSAFE.search(text) is None
        *ended, tail = text.split("\n") if safe else _LINE_BREAK.split(text)
        if not ended:
            self._write(tail)
            return []
        lines = [self._end_line(ended[0])]
        del ended[0]
        if safe and max(map(len, ended), default=0) <= MAX_COLUMNS:
            # A flood of output comes here: tuple.__new__ takes half the time of Span().
            new, style = tuple.__new__, self._style
            lines += [(new(Span, (piece, style)),) if piece else () for piece in ended]
        else:
            lines += map(self._end_line, ended)
        self._write(tail)
        return lines

    def _end_line(self, piece: str) -> Line:
        self._write(piece.rstrip("\r"))  # the "\r" of "\r\n" would move a cursor that is not used
        line = self._line.spans()
        self._line = _OpenLine()
        self._held = ""
        self._in_string = False
        return line

    def _write(self, piece: str) -> None:
        """Take in a piece of one line."""
        if self._in_string:
            end = _STRING_END.search(piece)
            self._in_string = end is None
            piece = piece[end.end() :] if end else ""
        parts = _CONTROL.split(self._held + piece)  # text, control, text, ..., text
        self._held = ""
        if len(parts) > 1 and not parts[-1]:
            self._leave_open(parts)
        for index, part in enumerate(parts):
            if index % 2:
                self._act(part)
            elif part:
                self._line.write(part, self._style)

    def _leave_open(self, parts: list[str]) -> None:
        """Remember the sequence at the end of `parts` if more of it may come."""
        last = parts[-2]
        if _UNENDED.fullmatch(last):
            self._held = last
            del parts[-2:]
        elif _STRING.match(last):
            self._in_string = _STRING_END.search(last, 1) is None

    def _act(self, control: str) -> None:
        if sequence := _OBEYED.fullmatch(control):
            parameters, final = sequence.groups()
            if final == "m":
                self._style = apply_sgr(self._style, parameters)
            else:
                self._line.erase(parameters)
        elif len(control) == 1 and control != "\x1b":
            self._write_unsafe(control)

    def _write_unsafe(self, char: str) -> None:
        line = self._line
        match char:
            case "\r":
                line.cursor = 0
            case "\b":
                line.cursor = max(0, line.cursor - 1)
            case "\t":
                line.write(" " * (TAB_STOP - line.cursor % TAB_STOP), self._style)
            case _:
                line.write(_show(char, line.before_cursor(MAX_MARKS)), self._style)


class _OpenLine:
    """A line that is being written: a row of characters, their styles, and a cursor.

    A character counts as one column, whatever its width.
    """

    def __init__(self) -> None:
        self.cursor = 0
        self._text = ""
        self._style = PLAIN
        self._styles: list[TextStyle] = []
        """The style of each character; empty as long as all have `_style`."""
        self._cut = False

    def before_cursor(self, count: int) -> str:
        return self._text[max(0, self.cursor - count) : self.cursor]

    def write(self, text: str, style: TextStyle) -> None:
        """Put `text` at the cursor, over what is there."""
        room = MAX_COLUMNS - self.cursor
        if len(text) > room:
            text = text[:room]
            self._cut = True
        if not text:
            return
        end = self.cursor + len(text)
        if not self._text:
            self._style = style
        elif style is not self._style and not self._styles:
            self._styles = [self._style] * len(self._text)
        if self._styles:
            self._styles[self.cursor : end] = [style] * len(text)
        self._text = self._text[: self.cursor] + text + self._text[end:]
        self.cursor = end

    def erase(self, mode: str) -> None:
        """Erase to the end of the line, or the whole line: progress bars do so to shrink."""
        if mode == "2":
            self.cursor = 0
        elif mode not in ("", "0"):
            return
        self._text = self._text[: self.cursor]
        del self._styles[self.cursor :]
        self._cut = False

    def spans(self) -> Line:
        text = self._text[:-1] + "…" if self._cut else self._text
        if not self._styles:
            return (Span(text, self._style),) if text else ()
        spans = []
        start = 0
        for style, run in groupby(self._styles):
            end = start + len(list(run))
            spans.append(Span(text[start:end], style))
            start = end
        return tuple(spans)


def _show(char: str, before: str) -> str:
    """Return the text to show for an unsafe `char` that follows `before`; may be empty."""
    if char in _SHOWN:
        return _SHOWN[char]
    tower = len(before) == MAX_MARKS and all(map(_is_mark, before[::-1]))
    return "" if tower and _is_mark(char) else char


@lru_cache(maxsize=4096)
def _is_mark(char: str) -> bool:
    """Tell whether `char` takes no column of its own: combining, joining, invisible."""
    return unicodedata.category(char) in ("Mn", "Me", "Cf")
