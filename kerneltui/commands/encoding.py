"""Prints question marks for characters that the output's encoding does not have."""

from __future__ import annotations

import codecs
import io
import sys

_REPLACE_CELLS = "kerneltui-replace-cells"


def replace_what_cannot_be_encoded(encoding: str | None = None) -> None:
    """Let stdout and stderr accept any text, whatever their encoding.

    Columns stay aligned: a character becomes as many question marks as it has cells. `encoding`:
    the one to use; None for their own.
    """
    codecs.register_error(_REPLACE_CELLS, _question_marks)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors=_REPLACE_CELLS)


def _question_marks(error: UnicodeError) -> tuple[str, int]:
    from rich.cells import cell_len  # seldom needed, and never for --help

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "?" * cell_len(error.object[error.start : error.end]), error.end
