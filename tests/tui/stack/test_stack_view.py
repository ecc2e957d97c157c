"""The Stack tab: where the selected kernel stands, read from the table or with keys of its own."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from kerneltui.fleet.diagnosis.stack import Frame, Refusal, Stack, StackThread, Way
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.tui.console.code_editor import CodeEditor
from kerneltui.tui.main.panes import Panes
from kerneltui.tui.stack.look import Looked
from kerneltui.tui.stack.names_screen import NamesScreen
from kerneltui.tui.stack.rows import REST, FoldRow, FrameRow, stack_rows
from kerneltui.tui.stack.stack_view import LOGGED_PERIOD, PERIOD, StackView
from tests.support import PATIENCE
from tests.tui.fakes import NOW, SIZES, FakeFleet, Stage, on_stage, snapshot

LIBRARY = "/venv/lib/python3.11/site-packages/tool/run.py"
FRAMES = (
    Frame("/tmp/ipykernel_1/2.py", 2, "load", "return slurp(path)", cell=4),
    Frame("/home/ana/main.py", 70, "<module>", "x = load(path)"),
    Frame(LIBRARY, 30, "run_code", "exec(code)"),
    Frame(LIBRARY, 20, "run"),
)
STACK = Stack(
    Way.FAULTHANDLER,
    (StackThread("MainThread", True, FRAMES, ident=9), StackThread("Bob", False, FRAMES[2:])),
    (Refusal(Way.SUBSHELL, "no answer within 0.4 s"),),
    ("children: 7 sh",),
)
HOG = Variable("hog", "list", 3_000_000, is_exact=False, shape=(20_000,))


def text_of(stack: Stack, unfolded: set[FoldRow] | None = None, still: str = "") -> list[str]:
    rows = stack_rows(stack, unfolded or set(), still)
    return ["".join(text for text, _ in row).rstrip() for row, _ in rows]


def fleet_of(stack: Stack | None = STACK) -> FakeFleet:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))
    if stack is not None:
        fleet.stacks["k1"] = stack
        fleet.names["k1"] = (HOG,)
    return fleet


def test_the_user_s_frames_are_bright_and_a_row_of_library_frames_is_one_line() -> None:
    assert text_of(STACK, still="has not moved for 4 s") == [
        " children: 7 sh",
        " MainThread  has not moved for 4 s",
        "   In [4], line 2    load      return slurp(path)",
        "   main.py, line 70  <module>  x = load(path)",
        "   … 2 library frames: run_code (run.py, line 30)",
        " … 1 thread in libraries: Bob",
        " not by subshell: no answer within 0.4 s",
    ]


def test_threads_that_run_nothing_of_the_user_s_can_be_unfolded() -> None:
    assert " Bob  … 2 library frames: run_code (run.py, line 30)" in text_of(STACK, {REST})


def test_what_is_unfolded_tells_each_frame_and_how_deep_it_is() -> None:
    rows = list(stack_rows(STACK, {FoldRow("MainThread", 2)}, ""))

    meant = [each for _, each in rows if isinstance(each, FrameRow)]
    assert [(each.thread, each.depth, each.frame) for each in meant] == [
        (9, depth, frame) for depth, frame in enumerate(FRAMES)
    ]


@pytest.mark.parametrize("size", SIZES)
def test_w_shows_where_the_kernel_stands_and_what_that_touches(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w")

        assert "6 Stack" in stage.picture
        assert "by faulthandler" in stage.picture
        assert "touches a signal that its threads catch" in stage.picture
        assert "return slurp(path)" in stage.picture

    on_stage(play, fleet_of(), size)


def test_enter_on_a_frame_shows_its_names_with_sizes() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w", "j", "j", "enter")

        assert isinstance(stage.app.screen, NamesScreen)
        assert fleet.looks[-1] == ("names of load 0 above 9", "k1")
        assert "hog   list  20000  ~2.86M" in stage.picture
        await stage.press("escape")
        assert not isinstance(stage.app.screen, NamesScreen)

    fleet = fleet_of()
    on_stage(play, fleet, (120, 40))


def test_names_that_are_found_after_another_key_take_no_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = fleet_of()
    may_tell, find = threading.Event(), fleet.frame_names

    def find_late(*frame: Any) -> tuple[Variable, ...]:
        assert may_tell.wait(PATIENCE)
        return find(*frame)

    async def play(stage: Stage) -> None:
        await stage.press("w", "j", "j")
        await stage.press_meanwhile("enter", "c", "1")
        may_tell.set()
        await stage.settle()
        await stage.press("+")

        assert stage.app.main.query_one(CodeEditor).text == "1+"
        assert stage.notices == ["the names of load were found; open them again to read them"]

    monkeypatch.setattr(fleet, "frame_names", find_late)
    on_stage(play, fleet, (120, 40))


def test_enter_on_library_frames_unfolds_them_and_folds_them_again() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w", *"jjjj", "enter")
        assert f"run_code  {LIBRARY}:30" in stage.picture

        await stage.press("enter")
        assert LIBRARY not in stage.picture

    on_stage(play, fleet_of(), (120, 40))


def test_v_shows_the_variables_and_the_stack_again() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w", "v")
        assert "NAME  TYPE  SHAPE" in stage.picture
        assert "hog   list  20000" in stage.picture

        await stage.press("v")
        assert "return slurp(path)" in stage.picture

    on_stage(play, fleet_of(), (120, 40))


def test_of_another_kernel_the_stack_is_shown_first() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w", "v")
        await stage.press("escape", "j", "w")

        assert fleet.looks[-1] == ("stack", "k2")
        assert "return slurp(path)" in stage.picture

    fleet = fleet_of()
    fleet.stacks["k2"] = STACK
    on_stage(play, fleet, (120, 40))


def test_a_kernel_without_variables_is_said_to_have_none() -> None:
    async def play(stage: Stage) -> None:
        fleet.names["k1"] = ()
        await stage.press("w", "v")

        assert "no variables" in stage.picture

    fleet = fleet_of()
    on_stage(play, fleet)


def test_a_kernel_that_cannot_be_looked_into_has_its_reason_shown() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w")

        assert "no way works" in stage.picture

    on_stage(play, fleet_of(None))


def test_another_kernel_is_looked_into_at_once() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w", "escape", "j")
        await stage.publish(*fleet.snapshots)

        assert stage.app.main.query_one(Panes).pane.kernel_name == "name-k2"
        assert ("stack", "k2") in fleet.looks
        assert "return slurp(path)" not in stage.picture

    fleet = fleet_of()
    on_stage(play, fleet)


@pytest.mark.parametrize(
    ("way", "seconds", "period"),
    [
        (Way.FAULTHANDLER, 0.0, PERIOD),
        (Way.FAULTHANDLER, 2.0, LOGGED_PERIOD),
        (Way.SUBSHELL, 2.0, PERIOD),
    ],
)
def test_a_look_that_fills_the_log_is_taken_seldom_once_nothing_moves(
    way: Way, seconds: float, period: float
) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("w")
        view, instants = stage.app.main.query_one(StackView), iter((NOW, NOW + seconds))
        view._clock = lambda: next(instants)
        for _ in range(2):
            view.show(Looked(replace(STACK, way=way)))

        assert view.period == period

    on_stage(play, fleet_of())
