"""Source code for the console: is it complete, completions, indent and colours. Pure."""

from __future__ import annotations

import codeop
import warnings

from rich.style import Style

from kerneltui.frozen import frozen

_INDENT = "    "
_TYPES = "_jupyter_types_experimental"
"""The key in a complete_reply's metadata with the kind of each match."""
_NO_TYPE = "<unknown>"
OFFERED = 200
"""Completions that are shown at most."""
MAX_MATCH = 2_000
"""Characters of a completion; a longer one is not offered."""
MAX_COLOURED = 20_000
"""Characters of code; longer code gets no colours: it is parsed again at each key."""

# One sign for one character, so that columns stay: an escape is shown, never sent as it is.
_VISIBLE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_VISIBLE |= {127: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
_VISIBLE |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)


def visible(code: str) -> str:
    """Return `code`; each control character but tab and line break is replaced by a sign."""
    return code.translate(_VISIBLE)


def is_complete_python(code: str) -> bool:
    """Tell whether Enter should run `code`: a block ends with an empty line, as in IPython.

    Code that is not Python (a magic, a shell line) counts as complete: the kernel decides.
    """
    last_line = code.rpartition("\n")[2]
    if last_line.strip() and last_line[0].isspace():
        return False
    if code.startswith("%%"):
        return not last_line.strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return codeop.compile_command(code, symbol="exec") is not None
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            return True


def python_indent(before: str) -> str:
    """Return the white space that a line after `before` begins with."""
    line = before.rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    return indent + _INDENT if line.rstrip().endswith(":") else indent


def location(code: str, index: int) -> tuple[int, int]:
    """Return the row and the column of the character at `index`."""
    before = code[:index]
    return before.count("\n"), index - before.rfind("\n") - 1


@frozen
class Replacement:
    """A completion: `text` takes the place of code[start:end]."""

    start: int
    end: int
    text: str
    kind: str = ""
    """What it is, such as "function", if the kernel says so."""


def replacements(reply: dict[str, object], length: int) -> list[Replacement]:
    """Return the first OFFERED completions of a complete_reply for `length` characters of code.

    The reply is not trusted: positions are limited to the code, wrong types and texts that are
    too long are left out.
    """
    matches = reply.get("matches")
    start, end = reply.get("cursor_start"), reply.get("cursor_end")
    if not isinstance(matches, list) or not isinstance(start, int) or not isinstance(end, int):
        return []
    start = max(0, min(start, length))
    end = max(start, min(end, length))
    kinds = _kinds(reply.get("metadata"))
    fit = [each for each in matches if isinstance(each, str) and len(each) <= MAX_MATCH]
    return [Replacement(start, end, match, kinds.get(match, "")) for match in fit[:OFFERED]]


def count_matches(reply: dict[str, object]) -> int:
    """Return how many completions a complete_reply has, offered or not."""
    matches = reply.get("matches")
    return len(matches) if isinstance(matches, list) else 0


def _kinds(metadata: object) -> dict[str, str]:
    """Return the kinds of the matches, as far as a complete_reply has them."""
    told = metadata.get(_TYPES) if isinstance(metadata, dict) else None
    kinds: dict[str, str] = {}
    for each in told[:OFFERED] if isinstance(told, list) else ():
        match each:
            case {"text": str(text), "type": str(kind)} if kind != _NO_TYPE:
                kinds[text] = kind
    return kinds


@frozen
class CodeStyle:
    """A coloured part of one line."""

    start: int
    end: int
    style: Style


# ANSI colours: they follow the terminal's own palette if it has only sixteen.
_STYLES = {
    "Keyword": Style(color="magenta"),
    "Literal.String": Style(color="green"),
    "Literal.Number": Style(color="cyan"),
    "Comment": Style(color="bright_black", italic=True),
    "Name.Builtin": Style(color="cyan"),
    "Name.Function": Style(color="blue"),
    "Name.Class": Style(color="blue"),
    "Name.Decorator": Style(color="yellow"),
    "Name.Exception": Style(color="yellow"),
    "Operator.Word": Style(color="magenta"),
}


def colours(code: str, language: str) -> list[list[CodeStyle]]:
    """Return the coloured parts of each line of `code`; none for an unknown language."""
    # Imported here: the lexers are not needed before something is typed.
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # has no stubs
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # has no stubs

    lines: list[list[CodeStyle]] = [[]]
    if len(code) > MAX_COLOURED:
        return lines
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return lines
    column = 0
    for token, text in lexer.get_tokens(code):
        style = _style(str(token).removeprefix("Token."))
        for place, part in enumerate(text.split("\n")):
            if place:
                lines.append([])
                column = 0
            if part and style is not None:
                lines[-1].append(CodeStyle(column, column + len(part), style))
            column += len(part)
    return lines


def _style(token: str) -> Style | None:
    """Return the style of a token type or of the nearest one above it."""
    while token:
        if token in _STYLES:
            return _STYLES[token]
        token = token.rpartition(".")[0]
    return None
