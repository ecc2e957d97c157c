"""The table repaints what changed and nothing else; its cursor follows a kernel."""

from __future__ import annotations

import dataclasses
import re

import pytest

from kerneltui.fleet.model.snapshot import KernelSnapshot, Usage
from kerneltui.protocol.status import KernelState
from kerneltui.tui.table.cursor import successor
from kerneltui.tui.table.kernel_table import KernelTable
from tests.tui.fakes import NOW, snapshot
from tests.tui.widget_stage import NARROW, WIDE, Stage, on_stage

TableStage = Stage[KernelTable]

ONE_ROW = 600  # bytes: the budget of a changed row


def kernels(count: int) -> list[KernelSnapshot]:
    return [snapshot(f"k{number}") for number in range(count)]


def selected(stage: TableStage) -> list[str | None]:
    return [said.kernel_id for said in stage.messages if isinstance(said, KernelTable.Selected)]


def ids(stage: TableStage) -> list[str]:
    """Return the kernel ids on the screen, with the cursor's sign and the mark before them."""
    return [
        f"{line[:2].strip()} {found[1]}".strip()
        for line in stage.lines[1:]
        if (found := re.search(r"name-(\S+)", line))
    ]


# -- what is painted --------------------------------------------------------------------


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_kernel_is_a_line_with_all_that_matters(size: tuple[int, int]) -> None:
    busy = snapshot(
        "k1", KernelState.BUSY, code="train(model)", usage=Usage(1.0, 410 << 20, 2), name="eda"
    )

    async def play(stage: TableStage) -> None:
        stage.widget.show([busy], NOW)
        await stage.settle()

        words = stage.lines[1].split()
        assert words[0] == ">"
        assert {"eda", "●", "busy", "100", "410M", "30s", "train(model)"} <= set(words)

    on_stage(KernelTable(), play, size)


def test_the_host_is_a_column_only_while_there_are_kernels_of_another() -> None:
    async def play(stage: TableStage) -> None:
        titles = []
        for engine in ("", "gpu", ""):
            stage.widget.show([snapshot("k1"), snapshot("k2", engine=engine)], NOW)
            await stage.settle()
            titles.append("HOST" in stage.lines[0])

        assert titles == [False, True, False]

    on_stage(KernelTable(), play)


def test_no_line_is_wider_than_the_table() -> None:
    wide = snapshot("k1", name="日本語のノート", code="図 = 描く(データ) 😀 " * 9)

    async def play(stage: TableStage) -> None:
        stage.widget.show([wide, *kernels(99)], NOW)
        await stage.settle()

        strip = stage.widget.render_line(1)
        assert strip.cell_length == stage.widget.scrollable_content_region.width

    on_stage(KernelTable(), play)


def test_a_scrollbar_covers_no_text() -> None:
    rows = [snapshot(f"k{number}", KernelState.BUSY, code="x" * 99) for number in range(100)]

    async def play(stage: TableStage) -> None:
        stage.widget.show(rows, NOW)
        await stage.settle()

        assert stage.lines[1][:79].endswith("x…")

    on_stage(KernelTable(), play)


def test_markup_in_a_name_is_text() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show([snapshot("k1", name="[/x][red]a")], NOW)
        await stage.settle()

        assert "[/x][red]a" in stage.lines[1]

    on_stage(KernelTable(), play)


def test_an_empty_table_says_what_to_do() -> None:
    async def play(stage: TableStage) -> None:
        assert [line.strip() for line in stage.lines[1:3]] == ["no kernels", "press s"]

    on_stage(KernelTable("no kernels\npress s"), play)


def test_a_narrower_table_hides_columns() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(1), NOW)
        await stage.resize(80, 24)

        assert "SPEC" not in stage.lines[0]

    on_stage(KernelTable(), play, WIDE)


# -- what is written --------------------------------------------------------------------


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_quiet_tick_writes_nothing(size: tuple[int, int]) -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(20), NOW)

        assert await stage.bytes_of(lambda: stage.widget.show(kernels(20), NOW + 1)) == 0

    on_stage(KernelTable(), play, size)


def test_one_changed_row_stays_within_its_budget() -> None:
    async def play(stage: TableStage) -> None:
        rows = kernels(20)
        stage.widget.show(rows, NOW)
        rows[7] = dataclasses.replace(rows[7], state=KernelState.BUSY, code="x = 1", executions=9)

        written = await stage.bytes_of(lambda: stage.widget.show(rows, NOW))

        assert 0 < written < ONE_ROW

    on_stage(KernelTable(), play, WIDE)


def test_the_place_of_a_mark_that_is_not_there_has_no_colours_of_its_own() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(2), NOW)
        await stage.settle()

        first = next(iter(stage.widget.render_line(2)))

        assert first.text.startswith("  k1")

    on_stage(KernelTable(), play, WIDE)


def test_a_change_below_the_screen_writes_nothing() -> None:
    async def play(stage: TableStage) -> None:
        rows = kernels(100)
        stage.widget.show(rows, NOW)
        rows[90] = dataclasses.replace(rows[90], state=KernelState.BUSY)

        assert await stage.bytes_of(lambda: stage.widget.show(rows, NOW)) == 0

    on_stage(KernelTable(), play)


def test_a_cursor_move_repaints_two_lines() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(20), NOW)

        written = await stage.bytes_of(lambda: stage.widget.action_cursor_move(1))

        assert 0 < written < 2 * ONE_ROW

    on_stage(KernelTable(), play)


def test_rows_that_went_leave_no_trace() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(5), NOW)
        await stage.settle()
        stage.widget.show(kernels(2), NOW)
        await stage.settle()

        assert ids(stage) == ["> k0", "k1"]

    on_stage(KernelTable(), play)


# -- cursor -----------------------------------------------------------------------------


MOVES = {
    "j": 1,
    "down down": 2,
    "j j k": 1,
    "j up": 0,
    "k": 0,
    "G": 99,
    "end": 99,
    "G g": 0,
    "G home": 0,
    "G j": 99,
    "pagedown": 23,
    "ctrl+d": 11,
    "pagedown pageup": 0,
    "ctrl+d ctrl+u": 0,
}


def test_keys_move_the_cursor() -> None:
    moved = {}

    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(100), NOW)
        for keys in MOVES:
            stage.widget.cursor_id = "k0"
            await stage.press(*keys.split())
            moved[keys] = stage.widget.cursor_id

    on_stage(KernelTable(), play)
    assert moved == {keys: f"k{row}" for keys, row in MOVES.items()}


def test_the_cursor_stays_in_sight() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(100), NOW)
        await stage.press("pagedown", "j")

        assert ids(stage)[-1] == "> k24"

    on_stage(KernelTable(), play)


def test_a_click_puts_the_cursor_on_a_row() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(5), NOW)
        await stage.click(10, 3)

        assert stage.widget.cursor_id == "k2"

    on_stage(KernelTable(), play)


@pytest.mark.parametrize("y", [0, 9])
def test_a_click_beside_the_rows_leaves_the_cursor(y: int) -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(5), NOW)
        await stage.press("j")
        await stage.click(10, y)

        assert stage.widget.cursor_id == "k1"

    on_stage(KernelTable(), play)


def test_the_cursor_stays_with_its_kernel_when_rows_come_above() -> None:
    async def play(stage: TableStage) -> None:
        rows = kernels(3)
        stage.widget.show(rows, NOW)
        await stage.press("j")
        stage.widget.show([snapshot("new"), *rows], NOW)
        await stage.settle()

        assert ids(stage) == ["new", "k0", "> k1", "k2"]

    on_stage(KernelTable(), play)


def test_a_cursor_that_was_seen_is_scrolled_after() -> None:
    async def play(stage: TableStage) -> None:
        rows = kernels(30)
        stage.widget.show(rows, NOW)
        stage.widget.show([snapshot(f"n{number}") for number in range(40)] + rows, NOW)
        await stage.settle()

        assert ids(stage)[-1] == "> k0"

    on_stage(KernelTable(), play)


def test_a_cursor_out_of_sight_does_not_move_the_rows() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(100), NOW)
        stage.widget.scroll_to(y=50, animate=False, force=True)
        await stage.settle()
        stage.widget.show(kernels(100), NOW)
        await stage.settle()

        assert ids(stage)[0] == "k50"

    on_stage(KernelTable(), play)


@pytest.mark.parametrize(
    ("cursor", "before", "after", "expected"),
    [
        (None, "", "", None),
        (None, "", "ab", "a"),
        ("b", "abc", "cba", "b"),
        ("b", "abc", "ac", "c"),
        ("c", "abc", "ab", "b"),
        ("b", "abcd", "ad", "d"),
        ("b", "abc", "xy", "x"),
        ("b", "abc", "", None),
        ("n", "abc", "ab", "n"),
        ("n", "abc", "abn", "n"),
    ],
)
def test_a_neighbour_takes_over_the_cursor(
    cursor: str | None, before: str, after: str, expected: str | None
) -> None:
    assert successor(cursor, list(before), list(after)) == expected


def test_a_new_cursor_is_told_once() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        await stage.press("j", "j", "j")
        stage.widget.show([], NOW)
        await stage.settle()

        assert list(dict.fromkeys(selected(stage))) == ["k0", "k1", "k2", None]

    on_stage(KernelTable(), play)


def test_the_cursor_waits_for_a_kernel_to_come() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(2), NOW)
        stage.widget.cursor_id = "k2"
        stage.widget.show(kernels(3), NOW)
        await stage.settle()

        assert ids(stage) == ["k0", "k1", "> k2"]

    on_stage(KernelTable(), play)


# -- marks, order, columns ----------------------------------------------------------------

LOADED = [
    snapshot("low", usage=Usage(0.1, 3 << 30, 1)),
    snapshot("none", usage=None),
    snapshot("high", usage=Usage(2.0, 1 << 30, 1)),
]


def test_space_marks_and_moves_down() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        await stage.press("space", "space")

        assert ids(stage) == ["* k0", "* k1", "> k2"]

    on_stage(KernelTable(), play)


def test_space_takes_a_mark_away() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        await stage.press("space", "k", "space")

        assert ids(stage) == ["k0", "> k1", "k2"]

    on_stage(KernelTable(), play)


def test_the_cursor_hides_no_mark() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(2), NOW)
        await stage.press("asterisk")

        assert ids(stage) == [">* k0", "* k1"]

    on_stage(KernelTable(), play)


def test_the_star_marks_only_what_the_filter_shows() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(LOADED, NOW)
        stage.widget.view.filter_by("mem:>1M")
        stage.widget.view_changed()
        await stage.press("asterisk")

        assert [kernel.kernel_id for kernel in stage.widget.marked] == ["low", "high"]

    on_stage(KernelTable(), play)


def test_u_takes_every_mark_away() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        await stage.press("asterisk", "u")

        assert stage.widget.marked == ()

    on_stage(KernelTable(), play)


def test_marks_and_cursor_go_with_their_kernels_when_the_order_changes() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(LOADED, NOW)
        await stage.press("space")
        stage.widget.view.sort_by("cpu")
        stage.widget.view_changed()
        await stage.settle()

        assert ids(stage) == ["high", "* low", "> none"]

    on_stage(KernelTable(), play)


@pytest.mark.parametrize(
    ("keys", "column", "rows"),
    [
        ("> >", "NAME▲", ["high", "low", "none"]),
        ("> > I", "NAME▼", ["none", "low", "high"]),
        ("> > >", "SPEC▲", ["low", "none", "high"]),
        ("> > > > > > >", "CPU%▼", ["high", "low", "none"]),
        ("> > > > > > > I", "CPU%▲", ["low", "high", "none"]),
        ("<", "CODE▲", ["low", "none", "high"]),
        ("< >", "CODE ", ["low", "none", "high"]),
        ("I", "CODE ", ["high", "none", "low"]),
    ],
)
def test_the_arrows_keys_sort_by_a_column(keys: str, column: str, rows: list[str]) -> None:
    names = {"<": "less_than_sign", ">": "greater_than_sign"}

    async def play(stage: TableStage) -> None:
        stage.widget.show(LOADED, NOW)
        await stage.press(*(names.get(key, key) for key in keys.split()))

        assert column in stage.lines[0] + " "
        assert [each.strip("> ") for each in ids(stage)] == rows

    on_stage(KernelTable(), play, WIDE)


@pytest.mark.parametrize(
    ("keys", "arrow"), [("S m", "MEM▼"), ("S m S m", "MEM▲"), ("S u", "CODE "), ("S m S a", "MEM ")]
)
def test_a_letter_sorts_by_a_column_in_sight(keys: str, arrow: str) -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(LOADED, NOW)
        await stage.press(*keys.split())
        await stage.settle()

        assert arrow in stage.lines[0] + " "

    on_stage(KernelTable(), play)


def test_the_first_rows_are_in_sight_once_the_order_is_another() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show([snapshot(f"k{number:02}") for number in range(60)], NOW)
        await stage.press("I")
        await stage.settle()

        assert ids(stage)[0] == "k59"

    on_stage(KernelTable(), play)


@pytest.mark.parametrize(("clicks", "arrow"), [(1, "MEM▼"), (2, "MEM▲")])
def test_a_click_on_a_header_sorts_and_the_next_one_inverts(clicks: int, arrow: str) -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(LOADED, NOW)
        await stage.settle()
        for _ in range(clicks):
            await stage.click(stage.lines[0].index("MEM"), 0)

        assert arrow in stage.lines[0]

    on_stage(KernelTable(), play)


def test_columns_scroll_sideways_behind_the_name() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(1), NOW)
        await stage.press("l", "right")

        words = stage.lines[0].split()
        assert (words[0], words[1], words[-1]) == ("▌↔NAME", "PID", "RUNS")

    on_stage(KernelTable(), play)


def test_columns_scroll_back() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(1), NOW)
        await stage.press("l", "l", "h", "left", "left")

        assert stage.lines[0].split()[0] == "▌→NAME"

    on_stage(KernelTable(), play)


def test_columns_that_are_all_in_sight_do_not_scroll() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(1), NOW)
        await stage.press("l", "l")

        assert stage.lines[0].startswith("▌ ID")

    on_stage(KernelTable(), play, (200, 60))


def test_only_chosen_columns_are_shown_in_their_order() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(1), NOW)
        stage.widget.choose_columns(("state", "name"))
        await stage.settle()

        assert stage.lines[0].split() == ["▌", "STATE", "NAME"]

    on_stage(KernelTable(), play)


def test_a_filter_that_nothing_passes_says_so() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        stage.widget.view.filter_by("nonsense")
        stage.widget.view_changed()
        await stage.settle()

        assert stage.lines[1].strip() == "No kernel matches nonsense. F7 shows all."

    on_stage(KernelTable(way_out="F7 shows all."), play)


def test_nothing_is_selected_while_the_cursor_waits_for_a_hidden_kernel() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(3), NOW)
        stage.widget.cursor_id = "hidden"

        assert stage.widget.selected is None

    on_stage(KernelTable(), play)


def test_a_kernel_that_goes_takes_its_mark_with_it() -> None:
    async def play(stage: TableStage) -> None:
        stage.widget.show(kernels(2), NOW)
        await stage.press("asterisk")
        stage.widget.show(kernels(1), NOW)
        stage.widget.show(kernels(2), NOW)

        assert [kernel.kernel_id for kernel in stage.widget.marked] == ["k0"]

    on_stage(KernelTable(), play)


def test_a_thousand_quiet_kernels_sorted_and_filtered_write_nothing() -> None:
    async def play(stage: TableStage) -> None:
        rows = kernels(1000)
        stage.widget.view.filter_by("state:idle idle:<1h")
        stage.widget.view.sort_by("idle")
        stage.widget.show(rows, NOW)

        assert await stage.bytes_of(lambda: stage.widget.show(rows, NOW + 1)) == 0

    on_stage(KernelTable(), play, WIDE)
