"""Output in the terminal's encoding: what it cannot say becomes question marks, no error."""

from __future__ import annotations

import codecs
import io
import sys

_REPLACE_CELLS = "kerneltui-replace-cells"


def replace_what_cannot_be_encoded() -> None:
    """Have stdout and stderr take any text, whatever their encoding.

    Columns stay in their places: a character gives as many question marks as it has cells.
    """
    codecs.register_error(_REPLACE_CELLS, _question_marks)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_REPLACE_CELLS)


def _question_marks(error: UnicodeError) -> tuple[str, int]:
    from rich.cells import cell_len  # needed seldom, and not by --help

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "?" * cell_len(error.object[error.start : error.end]), error.end
