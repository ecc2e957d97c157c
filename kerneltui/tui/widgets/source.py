"""What the console knows of source code: whether it is whole, how it goes on, its looks. Pure."""

from __future__ import annotations

import codeop
import warnings

from rich.style import Style

from kerneltui.frozen import frozen

_INDENT = "    "
_TYPES = "_jupyter_types_experimental"
"""Where IPython and others tell what each match is."""
_NO_TYPE = "<unknown>"
OFFERED = 200
"""Completions; of more nobody reads the rest."""
MAX_MATCH = 2_000
"""Characters of a completion; a longer one is nothing to write into code."""
MAX_COLOURED = 20_000
"""Characters of code; a longer one stays without colours, as it is read anew at each key."""

# One for one, so that columns stay: an escape is seen and never obeyed.
_VISIBLE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_VISIBLE |= {127: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
_VISIBLE |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)


def visible(code: str) -> str:
    """Return `code` with a sign in the place of every control but tabs and line breaks."""
    return code.translate(_VISIBLE)


def is_complete_python(code: str) -> bool:
    """Tell whether Enter should run `code`: a block ends with an empty line, as in IPython.

    What is no Python (a magic, a shell line) counts as whole: the kernel knows better.
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
    """What it is, "function" say, where the kernel tells."""


def replacements(reply: dict[str, object], length: int) -> list[Replacement]:
    """Return the first OFFERED of what a complete_reply offers for a code of `length` characters.

    What a kernel sends is not believed: bounds are clamped, odd shapes and endless texts
    offer nothing.
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
    """Return how many completions a complete_reply holds, offered or not."""
    matches = reply.get("matches")
    return len(matches) if isinstance(matches, list) else 0


def _kinds(metadata: object) -> dict[str, str]:
    """Return what the matches are, as far as a complete_reply tells."""
    told = metadata.get(_TYPES) if isinstance(metadata, dict) else None
    kinds: dict[str, str] = {}
    for each in told[:OFFERED] if isinstance(told, list) else ():
        match each:
            case {"text": str(text), "type": str(kind)} if kind != _NO_TYPE:
                kinds[text] = kind
    return kinds


@frozen
class CodeStyle:
    """A coloured stretch of one line."""

    start: int
    end: int
    style: Style


# ANSI colours: they follow the terminal's own palette where it has but sixteen.
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
    """Return the coloured stretches of each line of `code`; none for a language nobody knows."""
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
