"""What the console knows of source code."""

from __future__ import annotations

import pytest

from kerneltui.tui.widgets.source import (
    Replacement,
    colours,
    is_complete_python,
    location,
    python_indent,
    replacements,
)


@pytest.mark.parametrize(
    ("code", "complete"),
    [
        ("1 + 1", True),
        ("a = 1\nb = 2", True),
        ("for x in y:", False),
        ("for x in y:\n    print(x)", False),
        ("for x in y:\n    print(x)\n", True),
        ("print(", False),
        ("'''", False),
        ("x = = 1", True),
        ("%timeit f()", True),
        ("!ls", True),
        ("print?", True),
        ("%%bash\nls", False),
        ("%%bash\nls\n", True),
        ("'\\d'", True),
        ("\0", True),
    ],
)
def test_a_block_is_complete_once_an_empty_line_ends_it(code: str, complete: bool) -> None:
    assert is_complete_python(code) is complete


@pytest.mark.parametrize(
    ("before", "indent"),
    [("x", ""), ("if x:", "    "), ("if x:\n    y", "    "), ("  if x:", "      "), ("", "")],
)
def test_a_new_line_is_indented_like_its_block(before: str, indent: str) -> None:
    assert python_indent(before) == indent


@pytest.mark.parametrize(
    ("index", "place"), [(0, (0, 0)), (2, (0, 2)), (3, (1, 0)), (4, (1, 1)), (6, (2, 1))]
)
def test_an_index_has_a_row_and_a_column(index: int, place: tuple[int, int]) -> None:
    assert location("ab\nc\nd", index) == place


def test_completions_replace_what_the_kernel_says() -> None:
    reply: dict[str, object] = {"matches": ["print"], "cursor_start": 2, "cursor_end": 4}

    assert replacements(reply, 10) == [Replacement(2, 4, "print")]


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"matches": "print", "cursor_start": 0, "cursor_end": 1},
        {"matches": [1], "cursor_start": 0, "cursor_end": 1},
        {"matches": ["print"], "cursor_start": None, "cursor_end": 1},
    ],
)
def test_an_odd_reply_offers_nothing(reply: dict[str, object]) -> None:
    assert replacements(reply, 10) == []


@pytest.mark.parametrize(
    "types",
    [
        None,
        7,
        [7, {}],
        [{"text": 1, "type": "function"}],
        [{"text": "x", "type": None}],
        [{"text": "x", "type": "<unknown>"}],
        [{"text": "y", "type": "function"}],
    ],
)
def test_a_completion_without_a_known_type_has_none(types: object) -> None:
    reply: dict[str, object] = {"matches": ["x"], "cursor_start": 0, "cursor_end": 1}
    metadata = {"_jupyter_types_experimental": types}

    assert replacements(reply | {"metadata": metadata}, 1) == [Replacement(0, 1, "x")]


@pytest.mark.parametrize("metadata", [None, [], "x"])
def test_odd_metadata_costs_no_completion(metadata: object) -> None:
    reply: dict[str, object] = {"matches": ["x"], "cursor_start": 0, "cursor_end": 1}

    assert replacements(reply | {"metadata": metadata}, 1) == [Replacement(0, 1, "x")]


@pytest.mark.parametrize(("start", "end"), [(-5, 99), (99, -5), (2, 1)])
def test_completions_stay_inside_the_code(start: int, end: int) -> None:
    reply: dict[str, object] = {"matches": ["x"], "cursor_start": start, "cursor_end": end}

    (offer,) = replacements(reply, 3)

    assert 0 <= offer.start <= offer.end <= 3


def test_a_keyword_has_a_colour() -> None:
    assert [(c.start, c.end) for c in colours("x = 1\nreturn", "python")[1]] == [(0, 6)]


def test_an_unknown_language_has_no_colours() -> None:
    assert colours("x = 1", "nobody's language") == [[]]
