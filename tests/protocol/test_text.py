from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kerneltui.protocol.text import (
    MAX_COLUMNS,
    MAX_MARKS,
    PLAIN,
    Line,
    OutputDecoder,
    Span,
    TextStyle,
    clean_code,
    clean_line,
    clean_lines,
    plain,
    shorten,
)
from tests.support import grows_linearly

RED = TextStyle(fg=1)
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def decode(*feeds: str) -> list[Line]:
    """Return every line, the open one last."""
    decoder = OutputDecoder()
    return [*(line for text in feeds for line in decoder.feed(text)), decoder.open_line]


def shown(*feeds: str) -> str:
    return "\n".join(map(plain, decode(*feeds)))


def is_safe(text: str) -> bool:
    return not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in BIDI_CONTROLS
        for char in text
    )


# Text out of what kernels, terminals and attackers are made of, so that sequences do form.
FRAGMENTS = st.sampled_from(
    [
        *"\x1b\x9b\x9d\x90\x9c\x07\x18\x85\r\n\b\t\x00\x7f\u2028\u202e\u2066\u200d\u0301\ud800",
        *"[]()P^_\\?;:0123m5KJ AZaé中",
        *("\r\n", "\x1b[", "\x1b[31m", "\x1b[38;2;1;2;3m", "\x1b[K", "\x1b]0;", "\x1b\\"),
        *("x" * MAX_COLUMNS, "\x1b[" + "1" * 300, "\u0301" * 9),
    ]
)
HOSTILE = st.lists(FRAGMENTS | st.characters(), max_size=30).map("".join)


@given(HOSTILE)
def test_nothing_that_controls_a_terminal_leaves_the_decoder(text: str) -> None:
    assert all(is_safe(plain(line)) for line in decode(text))


@given(HOSTILE, st.data())
def test_lines_do_not_depend_on_how_the_text_is_cut(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert decode(*pieces) == decode(text)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
def test_lines_are_the_same_when_fed_character_by_character(text: str) -> None:
    text = text.replace("x" * MAX_COLUMNS, "x")

    assert decode(*text) == decode(text)


@given(HOSTILE)
def test_spans_are_never_empty_and_neighbours_differ_in_style(text: str) -> None:
    for line in decode(text):
        assert all(span.text for span in line)
        assert all(left.style != right.style for left, right in pairwise(line))


@given(HOSTILE)
def test_no_line_is_longer_than_the_limit(text: str) -> None:
    assert all(len(plain(line)) <= MAX_COLUMNS for line in decode(text))


@given(HOSTILE, st.integers(1, 50))
@example("x" * 201, 200)
@example("\x1b[31m" * 100 + "x", 10)
def test_a_cell_is_safe_and_within_its_limit(text: str, limit: int) -> None:
    cell = clean_line(text, limit)

    assert len(cell) <= limit
    assert is_safe(cell)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("python3", "python3"),
        ("", ""),
        ("naïve 中文", "naïve 中文"),
        ("import os\nprint()", "import os print()"),
        ("for i in x:\r\n\tprint(i)\n", "for i in x: print(i)"),
        ("a\tb", "a b"),
        ("evil\rgood", "evil good"),
        ("evil\b\b\b\bgood", "evil␈␈␈␈good"),
        ("[/x] [red]", "[/x] [red]"),
        ("\x1b]0;title\x07name\x1b[31m", "name"),
        ("a\x1bcb", "ab"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("a\u2028b\x85c", "a b c"),
        ("nul\x00", "nul␀"),
        ("x" * 5, "x" * 5),
        ("x" * 6, "xxxx…"),
        ("\x1b[0m" * 100 + "x", "…"),
    ],
)
def test_cell_shows(text: str, cell: str) -> None:
    assert clean_line(text, 200 if len(cell) > 5 else 5) == cell


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "a\nb"),
        ("a\r\nb\r\r\n", "a\nb\n"),
        ("a\x85b\u2028c\u2029d", "a\nb\nc\nd"),
        ("10%\r20%\r100%", "100%"),
        ("100%\r20%", "20%%"),
        ("100%\r\x1b[K20%", "20%"),
        ("100%\x1b[2K\r20%", "20%"),
        ("100%\r\n20%", "100%\n20%"),
        ("spin|\b/\b-", "spin-"),
        ("\b\bx", "x"),
        ("a\tb", "a       b"),
        ("1234567\t8", "1234567 8"),
        ("12345678\t9", "12345678        9"),
        ("bell\x07", "bell␇"),
        ("\x00\x0b\x0c\x7f", "␀␋␌␡"),
        ("a\x80\x99b", "ab"),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("\u202eabc\u2066\u2069", "\ufffdabc\ufffd\ufffd"),
        ("\u200eabc\u200f\u061c", "abc"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]52;c;aGk=\x1b\\x", "x"),
        ("\x9d0;title\x9cx", "x"),
        ("\x1bPq#0;2;0;0;0\x1b\\x", "x"),
        ("\x1b_payload\x18x", "x"),
        ("\x1b]0;never ended\nx", "\nx"),
        ("\x1bcx\x1b(By", "xy"),
        ("\x1b[31\nmx", "\nmx"),
        ("\x1b\x1b[1mx", "x"),
        ("\x1b[?25l\x1b[>4;2mx", "x"),
        ("e\u0301\u0302", "e\u0301\u0302"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_output_shows(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("parameters", "style"),
    [
        ("", PLAIN),
        ("31", RED),
        ("031", RED),
        ("97", TextStyle(fg=15)),
        ("44;1", TextStyle(bg=4, bold=True)),
        ("103", TextStyle(bg=11)),
        ("1;2;3;4;7;9", TextStyle(None, None, True, True, True, True, True, True)),
        ("1;2;3;4;7;9;22;23;24;27;29", PLAIN),
        ("31;41;39;49", PLAIN),
        ("31;0;1", TextStyle(bold=True)),
        ("31;", PLAIN),
        ("38;5;196", TextStyle(fg=196)),
        ("48;5;0;1", TextStyle(bg=0, bold=True)),
        ("38;2;1;2;3;1", TextStyle(fg=(1, 2, 3), bold=True)),
        ("38:5:196", TextStyle(fg=196)),
        ("38:2:1:2:3", TextStyle(fg=(1, 2, 3))),
        ("48:2::1:2:3;31", TextStyle(fg=1, bg=(1, 2, 3))),
        ("4:3", TextStyle(underline=True)),
        ("4;4:0", PLAIN),
        ("58;5;1;31", RED),
        ("58:2::1:2:3;31", RED),
        ("38;5;256;31", RED),
        ("38;2;1;2;300;31", RED),
        ("38;5", PLAIN),
        ("38;9;31", RED),
        ("38", PLAIN),
        ("5;8;53;999999;31", RED),
        ("9" * 200 + ";31", RED),
        ("?31", PLAIN),
        ("31 ", PLAIN),
    ],
)
def test_sgr_gives_the_style(parameters: str, style: TextStyle) -> None:
    assert decode(f"\x1b[{parameters}mx") == [(Span("x", style),)]


def test_eight_bit_csi_gives_a_style_too() -> None:
    assert decode("\x9b31mx") == [(Span("x", RED),)]


def test_style_carries_over_lines_and_feeds() -> None:
    lines = decode("\x1b[31ma\nb", "c\n", "d\x1b[me")

    assert lines == [(Span("a", RED),), (Span("bc", RED),), (Span("d", RED), Span("e"))]


def test_neighbours_of_equal_style_are_one_span() -> None:
    assert decode("\x1b[31ma\x1b[32m\x1b[31mb\x1b[0;31mc") == [(Span("abc", RED),)]


def test_overwriting_takes_the_new_style() -> None:
    assert decode("abc\r\x1b[31mx") == [(Span("x", RED), Span("bc"))]


def test_a_line_that_ended_is_gone_from_the_open_line() -> None:
    decoder = OutputDecoder()

    ended = [(decoder.feed(text), decoder.open_line) for text in ("a\nb", "c\n")]

    assert ended == [([(Span("a"),)], (Span("b"),)), ([(Span("bc"),)], ())]


@pytest.mark.parametrize("ending", ["", "\n", "\x07\n"])
def test_a_long_line_is_cut_visibly(ending: str) -> None:
    text = plain(decode("first\n" + "x" * (MAX_COLUMNS + 1) + ending)[1])

    assert text == "x" * (MAX_COLUMNS - 1) + "…"


def test_a_line_of_the_limit_is_whole() -> None:
    assert shown("x" * MAX_COLUMNS) == "x" * MAX_COLUMNS


def test_a_line_shrunk_after_it_was_cut_is_whole_again() -> None:
    assert shown("x" * (MAX_COLUMNS + 1) + "\r\x1b[Kdone") == "done"


def test_marks_pile_up_to_a_height_only() -> None:
    assert shown("e" + "\u0301" * 50, "\u0301x\u0301") == "e" + "\u0301" * MAX_MARKS + "x\u0301"


def test_an_endless_sequence_is_held_no_longer_than_its_bound() -> None:
    assert shown("\x1b[" + "1" * 300, "mx") == "1" * (300 - 256) + "mx"


def test_an_endless_string_is_skipped_to_the_end_of_its_line() -> None:
    assert shown("\x1b]0;", *["x" * 1000] * 10, "\ny") == "\ny"


def test_of_a_long_text_the_first_lines_are_shown_and_the_others_counted() -> None:
    shown = clean_lines("a\nb\n" + "c\n" * 1_234, lines=2)

    assert [plain(line) for line in shown] == ["a", "b", "… 1,234 more lines"]


def test_lines_that_are_not_even_decoded_are_counted() -> None:
    shown = clean_lines("abcdef\n" * 1_000, lines=2, characters=70)

    assert [plain(line) for line in shown] == ["abcdef", "abcdef", "… 998 more lines"]


def test_of_a_long_line_the_missing_characters_are_counted() -> None:
    shown = clean_lines("x" * 1_100, characters=100)

    assert [plain(line) for line in shown] == ["x" * 100, "… 1,000 more characters"]


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\n\nb"])
def test_a_short_text_is_shown_whole_and_without_a_mark(text: str) -> None:
    assert [plain(line) for line in clean_lines(text)] == text.splitlines()


def test_of_many_lines_the_first_are_kept_and_the_others_counted() -> None:
    assert shorten(["a", "b", "c", "d"], 2) == ["a", "b", "… 2 more lines"]
    assert shorten(["a", "b"], 2) == ["a", "b"]


@pytest.mark.parametrize(
    "piece", ["\x1b[", "\x1b]", "\x9b1;", "\t", "\b\b", "\u0301", "\x1b[31ma", "\r", "\u200e"]
)
def test_the_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    def decode_much(size: int) -> None:
        OutputDecoder().feed(piece * (size // len(piece)) + "\n")

    assert grows_linearly(decode_much, 20_000)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("import time\ntime.sleep(9)\n", "import time ↵ time.sleep(9)"),
        ("def f():\n\n    pass\r\nf()", "def f(): ↵ pass ↵ f()"),
        ("1 + 1", "1 + 1"),
        ("a\n\x1b[2Jb", "a ↵ b"),
        ("x\n" * 5000, "x ↵ x ↵ …"),
    ],
)
def test_the_lines_of_code_are_told_apart_in_one(code: str, shown: str) -> None:
    assert clean_code(code, 9 if shown.endswith("…") else 200) == shown
    assert clean_line(shown) == shown
