"""Orders go to the marked kernels, else to the one under the cursor, and to nobody else."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from typing import Unpack

import pytest
from textual.widgets import Button

from kerneltui.errors import ActionRefused
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.model.capabilities import VERBS, About, Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.tui.config.config import Config
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.dialogs.confirm import ConfirmScreen
from kerneltui.tui.keys.actions import BY_ID
from kerneltui.tui.main.kernel_actions import ORDERS_AT_ONCE, Selection, select
from kerneltui.tui.main.main_screen import MainScreen
from kerneltui.tui.main.permissions import refusal
from tests.support import PATIENCE
from tests.tui.fakes import NOW, SIZES, FakeFleet, Stage, on_stage, snapshot

THREE = tuple(snapshot(f"k{number}") for number in (1, 2, 3))
MARK_FIRST_TWO = ("space", "space")


class CheckingFleet(FakeFleet):
    """Refuses a target that has become another, as the fleet does."""

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        if target not in [shown.target for shown in self.snapshots]:
            raise ActionRefused(f"{target.name} was restarted meanwhile; nothing was done")
        return super().do(verb, target, **options)


def with_pid(kernel: KernelSnapshot, pid: int) -> KernelSnapshot:
    return dataclasses.replace(kernel, identity=ProcessIdentity(pid, 1, "boot"))


# -- what a key is about ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clients", "state", "about"),
    [
        (0, KernelState.BUSY, About.UNATTENDED),
        (0, KernelState.IDLE, About.UNATTENDED),
        (0, KernelState.STARTING, About.SERVED),
        (1, KernelState.BUSY, About.SERVED),
    ],
)
def test_a_question_tells_what_a_remote_server_may_hold(
    clients: int, state: KernelState, about: About
) -> None:
    kernel = snapshot(state=state, kind=Kind.REMOTE_SERVER, clients=clients)

    selection = select(BY_ID["kernel.connect"], [kernel])

    assert selection is not None
    assert selection.about is about


@pytest.mark.parametrize(
    ("kernel", "why"),
    [
        (snapshot(), "it is connected already"),
        (snapshot(kind=Kind.REMOTE_SERVER, allowed=frozenset()), "it is connected already"),
        (snapshot(state=KernelState.DEAD, kind=Kind.REMOTE_SERVER), "it is dead"),
        (snapshot(kind=Kind.PRIVATE_PORTS), "its ports are known only to what started it"),
        (
            snapshot(
                kind=Kind.REMOTE_SERVER, allowed=frozenset(), engine="gpu", unheard_since=NOW - 40
            ),
            "nothing is heard from gpu",
        ),
    ],
)
def test_what_cannot_be_connected_says_why(kernel: KernelSnapshot, why: str) -> None:
    assert refusal(BY_ID["kernel.connect"], kernel) == f"cannot connect name-k1: {why}"


@pytest.mark.parametrize(
    ("states", "selected"),
    [
        ("idle idle", (2, 0, About.LIVING)),
        ("idle restarting", (1, 1, About.LIVING)),
        ("dead idle", (2, 0, About.MIXED)),
        ("dead dead", (2, 0, About.DEAD)),
        ("restarting restarting", None),
        ("", None),
    ],
)
def test_a_selection_is_of_those_that_allow_it(
    states: str, selected: tuple[int, int, About] | None
) -> None:
    """`selected`: how many, how many are left out, and what a question would be about."""
    chosen = [
        snapshot(f"k{number}", KernelState(state)) for number, state in enumerate(states.split(), 1)
    ]

    selection = select(BY_ID["kernel.restart"], chosen)

    if selected is None:
        assert selection is None
    else:
        count, left_out, about = selected
        assert selection == Selection(tuple(chosen[:count]), left_out)
        assert selection.about is about


# -- bulk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("key", "verb"),
    [
        ("i", ("interrupt",)),
        ("r", ("restart",)),
        ("R", ("force restart",)),
        ("x", ("shutdown",)),
        ("X", ("kill",)),
    ],
)
def test_an_order_goes_to_the_marked_kernels(
    key: str, verb: tuple[str], size: tuple[int, int]
) -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, key)

        assert "2 kernels?" in stage.picture
        assert all(name in stage.picture for name in ("name-k1", "name-k2"))

        await stage.press("y")

    on_stage(play, fleet, size)
    assert sorted(fleet.verbs) == [(*verb, "k1"), (*verb, "k2")]


def test_a_kernel_without_a_server_is_asked_at_once() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press("v")

    on_stage(play, fleet)
    assert fleet.verbs == [("verify", "k1")]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("key", "verbs"), [("y", [("verify", "k1")]), ("n", [])])
def test_before_a_servers_kernel_is_asked_it_is_said_what_that_touches(
    key: str, verbs: list[tuple[object, ...]], size: tuple[int, int]
) -> None:
    fleet = FakeFleet(snapshot(kind=Kind.SERVER, origin=Origin.SERVER))

    async def play(stage: Stage) -> None:
        await stage.press("v")

        assert "A Jupyter server takes note of it" in stage.picture

        await stage.press(key)

    on_stage(play, fleet, size)
    assert fleet.verbs == verbs


STALE = snapshot(
    state=KernelState.DEAD, kind=Kind.STALE_FILE, allowed=frozenset({Verb.SHUTDOWN}), identity=None
)


@pytest.mark.parametrize("size", SIZES)
def test_before_a_stale_file_goes_it_is_shown(size: tuple[int, int]) -> None:
    fleet = FakeFleet(STALE)

    async def play(stage: Stage) -> None:
        await stage.press("x")

        assert "Remove what is left of this kernel?" in stage.picture
        assert "/run/kernel-k1.json" in stage.picture

        await stage.press("y")

    on_stage(play, fleet, size)
    assert fleet.verbs == [("shutdown", "k1")]


def test_a_question_tells_whose_the_kernel_is() -> None:
    kernel = snapshot(kind=Kind.SERVER, origin=Origin.SERVER, owner_pid=812)

    async def play(stage: Stage) -> None:
        await stage.press("r")

        assert "of server 812" in stage.picture

    on_stage(play, FakeFleet(kernel))


def test_a_signal_goes_to_the_marked_kernels() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "K")

        assert "Send a signal to 2 kernels" in stage.picture

        await stage.press("9", "enter")

    on_stage(play, fleet)
    assert sorted(fleet.verbs) == [("signal", "k1", 9), ("signal", "k2", 9)]


def test_the_kernel_under_the_cursor_is_renamed_whatever_is_marked() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "n")
        assert "Rename name-k3" in stage.picture
        await stage.press("ctrl+u", *"etl", "enter")

    on_stage(play, fleet)
    assert fleet.verbs == [("rename", "k3", "etl")]


def test_marks_that_the_filter_hides_are_named_in_the_dialog() -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "slash", *"k3", "enter", "x")

        assert all(name in stage.picture for name in ("name-k1", "name-k2"))

    on_stage(play, FakeFleet(*THREE))


def test_after_unmarking_an_order_goes_to_the_cursor() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "u", "x", "y")

    on_stage(play, fleet)
    assert fleet.verbs == [("shutdown", "k3")]


def test_the_console_interrupts_its_own_kernel_whatever_is_marked() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "c", "ctrl+c")

    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k3")]


def test_a_dialog_tells_of_marked_kernels_that_it_leaves_out() -> None:
    fleet = FakeFleet(THREE[0], snapshot("k2", KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", "X")

        assert "Kill this kernel?" in stage.picture
        assert "Left out: 1 marked, whose state does not allow it." in stage.picture

    on_stage(play, fleet)


def test_marked_kernels_none_of_which_allows_it_are_refused() -> None:
    fleet = FakeFleet(*(snapshot(f"k{n}", KernelState.DEAD) for n in (1, 2)))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", "X")

        assert isinstance(stage.app.screen, MainScreen)
        assert stage.notices == ["cannot kill name-k1: it is dead; and 1 more"]

    on_stage(play, fleet)


@pytest.mark.parametrize(("answer", "forgotten"), [("y", ["k1", "k2"]), ("n", [])])
@pytest.mark.parametrize("size", SIZES)
def test_before_dead_kernels_are_forgotten_it_is_said_what_goes_with_them(
    size: tuple[int, int], answer: str, forgotten: list[str]
) -> None:
    fleet = FakeFleet(*(snapshot(f"k{n}", KernelState.DEAD) for n in (1, 2)))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", "x")

        assert "Forget 2 kernels?" in stage.picture
        assert "Output and log are removed." in stage.picture
        await stage.press(answer)

    on_stage(play, fleet, size)
    assert sorted(fleet.verbs) == [("shutdown", kernel_id) for kernel_id in forgotten]


def test_a_shutdown_of_dead_and_living_kernels_says_what_goes_with_the_dead() -> None:
    fleet = FakeFleet(THREE[0], snapshot("k2", KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", "x")

        assert "Shut down 2 kernels?" in stage.picture
        assert "Output and logs of the dead are removed." in stage.picture

    on_stage(play, fleet)


@pytest.mark.parametrize(
    ("unconfirmed", "verbs"), [({"shutdown"}, [("shutdown", "k1")]), (set(), [])]
)
def test_a_dead_kernel_is_forgotten_without_a_question_where_the_user_wants_none(
    unconfirmed: set[str], verbs: list[tuple[object, ...]]
) -> None:
    fleet = FakeFleet(snapshot("k1", KernelState.DEAD))
    settings = RunSettings(config=Config(unconfirmed=frozenset(unconfirmed)))

    async def play(stage: Stage) -> None:
        await stage.press("x")

    on_stage(play, fleet, settings=settings)
    assert fleet.verbs == verbs


def test_a_kill_of_what_a_dead_kernel_has_left_is_asked_about() -> None:
    dead = dataclasses.replace(snapshot("k1", KernelState.DEAD), allowed=frozenset({Verb.KILL}))

    selection = select(BY_ID["kernel.kill"], [dead])

    assert selection is not None
    assert selection.about in VERBS[Verb.KILL].questions


def test_a_kernel_that_changed_under_the_dialog_is_not_shut_down_by_quitting() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press("Q")
        await stage.publish(*THREE, snapshot("k4"))
        await stage.press("y")

        assert stage.notices == ["the kernels have changed; look again"]

    on_stage(play, fleet)
    assert fleet.verbs == []


def test_shutting_all_down_says_that_what_the_dead_have_left_goes_too() -> None:
    fleet = FakeFleet(snapshot("k1"), snapshot("k2", KernelState.DEAD))

    async def play(stage: Stage) -> None:
        await stage.press("A")

        assert "Output and logs of the dead are removed." in stage.picture

    on_stage(play, fleet)


def test_targets_are_those_of_the_key_press_though_marks_change_under_the_dialog() -> None:
    fleet = FakeFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "x")
        stage.app.main.table.action_table_mark_all()
        await stage.press("y")

    on_stage(play, fleet)
    assert sorted(fleet.verbs) == [("shutdown", "k1"), ("shutdown", "k2")]


def test_a_target_that_has_changed_is_refused_and_the_others_are_not() -> None:
    fleet = CheckingFleet(*THREE)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "x")
        await stage.publish(with_pid(THREE[0], 9999), *THREE[1:])
        await stage.press("y")

        assert stage.notices == ["name-k1 was restarted meanwhile; nothing was done"]

    on_stage(play, fleet)
    assert fleet.verbs == [("shutdown", "k2")]


def test_the_kill_dialog_tells_whose_the_escaped_processes_are() -> None:
    fleet = FakeFleet(*THREE)
    fleet.known[Verb.KILL] = ("77 nohup",)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO, "X")

        assert "name-k1: 77 nohup" in stage.picture
        assert "name-k2: 77 nohup" in stage.picture

    on_stage(play, fleet)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["i", "K", "r", "R", "x", "X"])
def test_many_targets_leave_the_buttons_on_the_screen(key: str, size: tuple[int, int]) -> None:
    fleet = FakeFleet(*(snapshot(f"k{number}") for number in range(200)))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", key)

        screen = stage.app.screen
        buttons = [button.region for button in screen.query(Button)]
        assert all(screen.region.contains_region(region) and region.area for region in buttons)
        assert len(buttons) == 2

    on_stage(play, fleet, size)


def test_more_targets_than_threads_are_all_reached() -> None:
    count = 3 * ORDERS_AT_ONCE
    fleet = FakeFleet(*(snapshot(f"k{number}") for number in range(count)))

    async def play(stage: Stage) -> None:
        await stage.press("asterisk", "x", "y")

    on_stage(play, fleet)
    assert {verb[1] for verb in fleet.verbs} == {f"k{number}" for number in range(count)}


class ManySlowKernels(FakeFleet):
    """Kernels that end when they may, unless they are killed; more than bulk orders may use."""

    def __init__(self) -> None:
        super().__init__(*(snapshot(f"k{number:02}") for number in range(2 * ORDERS_AT_ONCE)))
        self.may_end = threading.Event()
        self.killed: set[str] = set()

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        if verb is Verb.KILL:
            self.killed.add(target.kernel_id)
        else:
            assert self.may_end.wait(PATIENCE)
        return super().do(verb, target, **options)


@pytest.mark.parametrize(
    ("keys", "killed"),
    [("uXy", {"k00"}), ("Xy", {f"k{number:02}" for number in range(2 * ORDERS_AT_ONCE)})],
)
def test_a_kill_waits_for_no_polite_shutdowns_and_restarts(keys: str, killed: set[str]) -> None:
    fleet = ManySlowKernels()

    async def play(stage: Stage) -> None:
        await stage.press_meanwhile("asterisk", *"xyry", *keys)
        try:
            async with asyncio.timeout(PATIENCE / 2):
                while fleet.killed != killed:
                    await stage.pilot.pause(0)
        finally:
            fleet.may_end.set()

    on_stage(play, fleet)


def test_one_mark_is_enough_for_an_interrupt_to_ask() -> None:
    async def play(stage: Stage) -> None:
        await stage.press("space", "i")

        assert isinstance(stage.app.screen, ConfirmScreen)

    on_stage(play, FakeFleet(*THREE))


def test_the_number_of_marks_stays_in_view() -> None:
    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO)

        assert "2 marked" in stage.picture

    on_stage(play, FakeFleet(*THREE))


WARNING = "it does not survive SIGINT: an interrupt would end it"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [("i", "i"), ("space", "i"), ("c", "ctrl+c")])
def test_before_an_interrupt_that_does_harm_it_is_asked(
    size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    fleet = FakeFleet(THREE[0])
    fleet.known[Verb.INTERRUPT] = (WARNING,)

    async def play(stage: Stage) -> None:
        await stage.press(*keys)
        assert "Interrupt this kernel?" in stage.picture
        assert WARNING in stage.picture
        assert fleet.verbs == []

        await stage.press("y")

    on_stage(play, fleet, size)
    assert fleet.verbs == [("interrupt", "k1")]
    assert fleet.overruled


@pytest.mark.parametrize("keys", [("i", "i"), ("c", "ctrl+c")])
def test_what_is_typed_while_an_interrupt_is_looked_into_does_not_confirm_it(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = FakeFleet(THREE[0])
    may_tell = threading.Event()

    def before(_verb: Verb, _target: Target) -> tuple[str, ...]:
        assert may_tell.wait(PATIENCE)
        return (WARNING,)

    async def play(stage: Stage) -> None:
        await stage.press_meanwhile(*keys, "0")
        may_tell.set()
        await stage.settle()
        await stage.press("y")

        told = f"name-k1 was not interrupted: {WARNING}; interrupt again to be asked"
        assert told in stage.notices

    monkeypatch.setattr(fleet, "before", before)
    on_stage(play, fleet)
    assert fleet.verbs == []


def test_an_interrupt_that_was_not_asked_about_is_refused_where_it_does_harm_by_then() -> None:
    fleet = FakeFleet(THREE[0])

    async def play(stage: Stage) -> None:
        await stage.press("i", "i")

    fleet.overruled = True
    on_stage(play, fleet)
    assert fleet.verbs == [("interrupt", "k1")]
    assert not fleet.overruled


@pytest.mark.parametrize(("in_vain", "verbs"), [(True, [("interrupt", "k1")]), (False, [])])
def test_after_an_interrupt_in_vain_one_press_is_enough(
    in_vain: bool, verbs: list[tuple[object, ...]]
) -> None:
    fleet = FakeFleet(snapshot(state=KernelState.BUSY, was_interrupted=in_vain))

    async def play(stage: Stage) -> None:
        await stage.press("i")

    on_stage(play, fleet)
    assert fleet.verbs == verbs


@pytest.mark.parametrize(
    ("keys", "verb"), [("ey", ("shutdown", "k1", "and the rest")), ("y", ("shutdown", "k1"))]
)
def test_what_would_outlive_a_shutdown_is_named_and_can_be_ended_with_it(
    keys: str, verb: tuple[object, ...]
) -> None:
    fleet = FakeFleet(THREE[0])
    fleet.known[Verb.SHUTDOWN] = ("77 nohup",)

    async def play(stage: Stage) -> None:
        await stage.press("x")
        assert "77 nohup" in stage.picture
        assert "end them too (e)" in stage.picture
        await stage.press(*keys)

    on_stage(play, fleet)
    assert fleet.verbs == [verb]


# -- one process --------------------------------------------------------------------------

OWN = ProcessFacts(ProcessIdentity(4002, 77, "boot"), 0, "python", "sleeping", 0.0, 1, 1, 1)
CHILD = ProcessFacts(ProcessIdentity(77, 1, "boot"), 1, "runaway", "running", 1.0, 1, 1, 1)


@pytest.mark.parametrize(
    ("keys", "verbs"),
    [
        (("X", "y"), [("signal", "k1", 9, 77)]),
        (("X", "n"), []),
        (("K", "1", "5", "enter"), [("signal", "k1", 15, 77)]),
        (("k", "X", "y"), [("kill", "k1")]),
        (("k", "K", "1", "5", "enter"), [("signal", "k1", 15)]),
    ],
)
def test_one_process_is_signalled_alone_and_the_kernels_own_with_all_it_began(
    keys: tuple[str, ...], verbs: list[tuple[object, ...]]
) -> None:
    fleet = FakeFleet(THREE[0])
    fleet.trees["k1"] = (OWN, CHILD)

    async def play(stage: Stage) -> None:
        await stage.press("4")
        await stage.press(*keys)

    on_stage(play, fleet)
    assert fleet.verbs == verbs


@pytest.mark.parametrize(
    ("keys", "verbs"),
    [(("X", "y"), [("kill", "k3")]), (("K", "1", "5", "enter"), [("signal", "k3", 15)])],
)
def test_marked_kernels_are_left_alone_if_the_kernel_s_own_process_is_signalled(
    keys: tuple[str, ...], verbs: list[tuple[object, ...]]
) -> None:
    fleet = FakeFleet(*THREE)
    fleet.trees["k3"] = (OWN,)

    async def play(stage: Stage) -> None:
        await stage.press(*MARK_FIRST_TWO)
        assert stage.app.main.selected == THREE[2]
        await stage.press("4", *keys)

    on_stage(play, fleet)
    assert fleet.verbs == verbs


def test_enter_on_a_process_asks_for_its_open_files() -> None:
    fleet = FakeFleet(THREE[0])
    fleet.trees["k1"] = (OWN, CHILD)

    async def play(stage: Stage) -> None:
        await stage.press("4", "enter")

    on_stage(play, fleet)
    assert fleet.files_asked == {CHILD.identity}
