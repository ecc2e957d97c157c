"""The tabs of the selected kernel: every key, both sizes; hidden ones cost nothing."""

from __future__ import annotations

import re

import pytest

from kerneltui.fleet.diagnosis.stack import Frame, Stack, StackThread, Way
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.transcript.transcript import Role, Transcript
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.wire import Session
from kerneltui.tui.main.panes import PERIOD, Panes
from kerneltui.tui.messages.message_screen import MessageScreen
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.widgets.tab_bar import TABS, Tab
from tests.tui.details.test_info_view import INFO
from tests.tui.fakes import SIZES, FakeFleet, Stage, on_stage, snapshot

KEYS = dict(zip("123456", TABS, strict=True))
SHOWN = {
    Tab.OUTPUT: "said by k1",
    Tab.MESSAGES: "comm_open",
    Tab.INFO: "ipython 9.1",
    Tab.PROCESSES: "run-k1",
    Tab.LOG: "written by k1",
    Tab.STACK: "nap_in_k1",
}


def transcript(text: str) -> Transcript:
    made = Transcript()
    made.write(Role.STDOUT, f"{text}\n", time=1.0)
    return made


def messages(*msg_types: str, content: dict[str, object] | None = None) -> MessageLog:
    log = MessageLog(lambda: 0.0)
    for msg_type in msg_types:
        log.add(Channel.IOPUB, Session().new_message(msg_type, content), sent=False)
    return log


def two_kernels() -> FakeFleet:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2"))
    for kernel_id in ("k1", "k2"):
        fleet.transcripts[kernel_id] = transcript(f"said by {kernel_id}")
        fleet.message_logs[kernel_id] = messages("comm_open" if kernel_id == "k1" else "comm_msg")
        fleet.infos[kernel_id] = INFO
        fleet.trees[kernel_id] = (
            ProcessFacts(
                ProcessIdentity(1, 1, "boot"), 0, f"run-{kernel_id}", "sleeping", 0.0, 1, 1, 1
            ),
        )
        fleet.logs[kernel_id] = transcript(f"written by {kernel_id}")
        frame = Frame("/home/ana/a.py", 2, f"nap_in_{kernel_id}")
        fleet.stacks[kernel_id] = Stack(Way.SUBSHELL, (StackThread("MainThread", True, (frame,)),))
    return fleet


def bar(stage: Stage) -> str:
    """Return the word of the active tab."""
    found = re.search(r"[\[▌](\d \w+)[\]▐]", stage.picture)
    return found[1] if found else ""


def bar_line(stage: Stage) -> str:
    """Return the line of tabs, with the kernel's name."""
    return next(line for line in stage.picture.splitlines() if bar(stage) in line)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("focus", [(), ("tab",)], ids=["table", "pane"])
def test_a_number_shows_its_tab(focus: tuple[str, ...], size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*focus)
        for key, tab in KEYS.items():
            await stage.press(key)

            assert bar(stage) == f"{key} {tab}"
            assert SHOWN[tab] in stage.picture

    on_stage(play, two_kernels(), size)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("focus", [(), ("tab",)], ids=["table", "pane"])
def test_brackets_go_round_the_tabs(focus: tuple[str, ...], size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*focus)
        seen = []
        for key in ("right_square_bracket",) * 6 + ("left_square_bracket",) * 6:
            await stage.press(key)
            seen.append(bar(stage)[0])

        assert "".join(seen) == "234561654321"

    on_stage(play, two_kernels(), size)


def test_a_tab_picked_in_the_table_takes_the_keys_and_esc_comes_back() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("3")
        assert stage.app.main.query_one(Panes).has_focus_within

        await stage.press("escape", "j")
        assert stage.app.main.table.cursor_id == "k2"

    on_stage(play, two_kernels())


@pytest.mark.parametrize("count", [12, 100])
def test_the_pane_is_in_sight_below_a_table_with_more_kernels_than_fit(count: int) -> None:
    async def play(stage: Stage) -> None:
        lines = stage.picture.splitlines()
        last = next(n for n, line in enumerate(lines) if line.startswith(" cwd "))

        assert lines[last + 1].startswith("[1 Output]")

    on_stage(play, FakeFleet(*(snapshot(f"k{n}", cwd="/home/ana") for n in range(count))))


def test_a_tab_picked_in_a_pane_takes_the_focus_along() -> None:
    async def play(stage: Stage) -> None:
        panes = stage.app.main.query_one(Panes)
        await stage.press("tab")
        for key in KEYS:
            await stage.press(key)
            assert stage.app.focused is panes.pane

    on_stage(play, two_kernels())


def test_the_headings_tell_who_has_the_focus() -> None:
    async def play(stage: Stage) -> None:
        for focused in ("▌→NAME", "▌1 Output▐", "━━━━"):
            marked = [line for line in stage.picture.splitlines() if line[0] in "▌━"]

            assert [line[: len(focused)] for line in marked] == [focused]
            await stage.press("tab")

    on_stage(play, two_kernels())


def test_the_console_takes_numbers_as_text() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("c", *KEYS)

        assert bar(stage) == "1 Output"

    on_stage(play, two_kernels())


@pytest.mark.parametrize(("key", "tab"), KEYS.items())
def test_a_tab_shows_the_kernel_under_the_cursor(key: str, tab: Tab) -> None:
    fleet = two_kernels()
    fleet.message_logs["k2"] = messages("comm_close")

    async def play(stage: Stage) -> None:
        await stage.press("j", key)
        await stage.publish(*fleet.snapshots)
        await stage.publish(*fleet.snapshots)

        assert {
            Tab.OUTPUT: "said by k2",
            Tab.MESSAGES: "comm_close",
            Tab.INFO: "name-k2",
            Tab.PROCESSES: "run-k2",
            Tab.LOG: "written by k2",
            Tab.STACK: "nap_in_k2",
        }[tab] in stage.picture

    on_stage(play, fleet)


@pytest.mark.parametrize("key", KEYS)
def test_a_tab_shows_the_new_name_of_a_renamed_kernel(key: str) -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press(key)
        await stage.publish(*fleet.snapshots)
        before = bar_line(stage)
        await stage.publish(snapshot("k1", name="renamed"), snapshot("k2"))

        assert ("name-k1" in before, "renamed" in bar_line(stage)) == (True, True)

    on_stage(play, fleet)


def test_the_tabs_are_empty_without_a_kernel() -> None:
    fleet = FakeFleet()

    async def play(stage: Stage) -> None:
        for key in KEYS:
            await stage.press(key, "tab", "j", "enter", "escape")

        assert fleet.looks == []

    on_stage(play, fleet)


@pytest.mark.parametrize(("key", "looks"), [("1", []), ("2", []), ("3", ["info"]), ("5", ["log"])])
def test_only_the_tab_in_sight_is_looked_up(key: str, looks: list[str]) -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press(key)
        for _ in range(3):
            stage.pass_time(PERIOD)
            await stage.publish(*fleet.snapshots)

        assert sorted({what for what, _ in fleet.looks}) == looks

    on_stage(play, fleet)


def test_a_look_is_taken_once_a_period() -> None:
    fleet = two_kernels()

    async def play(stage: Stage) -> None:
        await stage.press("4")
        for _ in range(3):
            await stage.publish(*fleet.snapshots)
        before = len(fleet.looks)
        stage.pass_time(PERIOD)
        await stage.publish(*fleet.snapshots)

        assert (before, len(fleet.looks)) == (1, 2)

    on_stage(play, fleet)


@pytest.mark.parametrize("size", SIZES)
def test_every_tab_can_be_zoomed(size: tuple[int, int]) -> None:
    async def play(stage: Stage) -> None:
        await stage.press("tab", "z")
        for key in KEYS:
            await stage.press(key)

            assert not stage.app.main.query_one(KernelTable).display
            assert stage.app.main.query_one(Panes).pane.size.height >= size[1] - 3

    on_stage(play, two_kernels(), size)


def test_a_click_on_the_bar_shows_a_tab() -> None:
    async def play(stage: Stage) -> None:
        await stage.pilot.click(type(stage.app.main.query_one(Panes).pane), offset=(19, 0))
        await stage.settle()

        assert bar(stage) == "3 Info"

    on_stage(play, two_kernels())


def test_going_to_the_output_shows_its_tab() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("3", "o")

        assert bar(stage) == "1 Output"

    on_stage(play, two_kernels())


@pytest.mark.parametrize("size", SIZES)
def test_enter_shows_a_message_whole(size: tuple[int, int]) -> None:
    fleet = two_kernels()
    fleet.message_logs["k1"] = messages("comm_open", content={"answer": {"deep": 42}})

    async def play(stage: Stage) -> None:
        await stage.press("2", "enter")

        assert isinstance(stage.app.screen, MessageScreen)
        assert '"deep": 42' in stage.picture

        await stage.press("escape")
        assert not isinstance(stage.app.screen, MessageScreen)

    on_stage(play, fleet, size)


HOSTILE = "\x1b]52;c;eA==\x07\x1bc\x9b2J[/x][red]\u202e"


@pytest.mark.parametrize("keys", [("2",), ("2", "enter"), ("4",), ("5",)])
def test_no_control_reaches_the_screen(keys: tuple[str, ...]) -> None:
    fleet = two_kernels()
    fleet.message_logs["k1"] = messages(HOSTILE, content={HOSTILE: HOSTILE})
    fleet.logs["k1"] = transcript(HOSTILE)

    async def play(stage: Stage) -> None:
        await stage.press(*keys)

        assert all(line.isprintable() for line in stage.picture.splitlines())

    on_stage(play, fleet)


def test_a_cut_message_says_how_much_is_missing() -> None:
    fleet = two_kernels()
    fleet.message_logs["k1"] = messages("comm_open", content={"a": "x" * 100_000})

    async def play(stage: Stage) -> None:
        await stage.press("2", "enter")

        assert "bytes were not kept" in stage.picture

    on_stage(play, fleet)
