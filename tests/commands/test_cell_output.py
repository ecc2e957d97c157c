"""What a cell says becomes text for one of two streams."""

from __future__ import annotations

import pytest

from kerneltui.commands.cell_output import CellOutput, Piece, last_lines


def test_a_result_begins_on_a_line_of_its_own() -> None:
    output = CellOutput()

    said = [
        *output.of("stream", {"name": "stdout", "text": "open"}),
        *output.of("status", {"execution_state": "busy"}),
        *output.of("execute_result", {"data": {"text/plain": "42"}}),
        *output.of("error", {"ename": "E", "evalue": "e", "traceback": []}),
    ]

    assert said == [("stdout", "open"), ("stdout", "\n42\n"), ("stderr", "E: e\n")]


def test_a_page_is_told_in_words_where_its_text_has_none() -> None:
    data = {"text/plain": "<IPython.core.display.HTML object>", "text/html": "<b>bold</b>"}

    assert CellOutput().of("display_data", {"data": data}) == (("stdout", "bold\n"),)


OUT = [Piece("stdout", "1\n2\n3"), Piece("stderr", "oops\n"), Piece("stdout", "3\n4\n")]


@pytest.mark.parametrize(
    ("count", "kept"),
    [
        (0, ""),
        (1, "4\n"),
        (2, "3\n4\n"),
        (3, "3oops\n3\n4\n"),
        (4, "2\n3oops\n3\n4\n"),
        (99, "1\n2\n3oops\n3\n4\n"),
    ],
)
def test_the_last_lines_are_kept_in_their_order(count: int, kept: str) -> None:
    assert "".join(piece.text for piece in last_lines(OUT, count)) == kept


def test_a_line_that_has_not_ended_is_a_line() -> None:
    pieces = [Piece("stdout", "1\n2")]

    assert last_lines(pieces, 1) == [("stdout", "2")]
