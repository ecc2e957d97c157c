"""FakeFleet: a fleet for tests of the dashboard. Tests set snapshots; verbs are recorded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Collection, Container
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeVar, Unpack
from unittest import mock

import pytest
from textual.driver import Driver
from textual.events import Key
from textual.pilot import Pilot

from kerneltui.errors import ActionRefused, KernelError, describe_exit
from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.diagnosis.condition import Condition, ConditionFacts, Phase, condition_of
from kerneltui.fleet.diagnosis.stack import Frame, Stack
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.engines.engine_view import EngineView
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.kernel_info import KernelInfo
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import ALLOWED, Verb, possible
from kerneltui.fleet.model.classification import Kind, Liveness
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target, Usage
from kerneltui.fleet.monitoring.message_log import MessageLog
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.wire import new_msg_id
from kerneltui.tui.app import USUAL_SETTINGS, KernelTui
from kerneltui.tui.config.setup import RunSettings
from kerneltui.tui.terminal import base_app
from tests.tui.quiet import painted, quiet

T = TypeVar("T")

PYTHON = SpecChoice("python3", "Python 3 (ipykernel)", "python")
BASH = SpecChoice("bash", "Bash", "bash")
NOW = 1000.0
"""The instant of the tests' clocks."""
NEVER = 1e9  # seconds


def snapshot(
    kernel_id: str = "k1", state: KernelState = KernelState.IDLE, **changes: object
) -> KernelSnapshot:
    """Return the row of a kernel that was started ten minutes ago."""
    kind = changes.get("kind", Kind.CHILD)
    assert isinstance(kind, Kind)
    fields: dict[str, object] = {
        "kernel_id": kernel_id,
        "name": f"name-{kernel_id}",
        "kernel_name": "python3",
        "state": state,
        "allowed": ALLOWED[state] & possible(kind),
        "identity": ProcessIdentity(4000 + len(kernel_id), 77, "boot"),
        "usage": Usage(0.0, 60 << 20, 1),
        "started_at": NOW - 600,
        "last_activity": NOW - 30,
        "connection_file": f"/run/kernel-{kernel_id}.json",
    }
    made = KernelSnapshot(**(fields | changes))  # type: ignore[arg-type]
    return made if "condition" in changes else replace(made, condition=condition_for(made))


_PHASES = {
    KernelState.DEAD: Phase.ENDED,
    KernelState.STARTING: Phase.STARTING,
    KernelState.RESTARTING: Phase.RESTARTING,
}
_PHASES_OF_FILES = {
    Liveness.STALE: Phase.STALE_FILE,
    Liveness.OTHER_HOST: Phase.OTHER_HOST_FILE,
}


def condition_for(kernel: KernelSnapshot) -> Condition:
    """Return the condition that fits the other fields of a snapshot."""
    exit_words = "" if kernel.returncode is None else describe_exit(kernel.returncode)
    facts = ConditionFacts(
        phase=_PHASES_OF_FILES.get(kernel.liveness) or _PHASES.get(kernel.state, Phase.UP),
        phase_since=kernel.last_activity,
        why=kernel.reason or exit_words,
        runs_since=kernel.last_activity,
        runs={KernelState.BUSY: True, KernelState.IDLE: False}.get(kernel.state),
        answers=False if kernel.liveness is Liveness.SILENT else None,
        process=kernel.usage.process if kernel.usage is not None else None,
    )
    return condition_of(facts, NOW)


def replied(content: dict[str, object]) -> Future[dict[str, object]]:
    """Return a future that is done."""
    future: Future[dict[str, object]] = Future()
    future.set_result(content)
    return future


class FakeConsole:
    """Records what was sent; replies with `replies`, and never if there is no such reply."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, ...]] = []
        self.locked = False
        self.prompts: dict[str, Prompt] = {}
        self.queued: dict[str, tuple[str, ...]] = {}
        self.beside: dict[str, tuple[str, ...]] = {}
        self.replies: dict[str, Future[dict[str, object]]] = {}
        self.past: tuple[str, ...] = ()

    def _permit(self) -> None:
        if self.locked:
            raise ActionRefused(LOCKED)

    def execute(self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "") -> str:
        self._permit()
        self.sent.append(("execute beside" if beside else "execute", kernel_id, code))
        return msg_id or new_msg_id()

    def answer(self, prompt: Prompt, value: str) -> None:
        self._permit()
        self.sent.append(("answer", prompt.kernel_id, value))

    def complete(self, kernel_id: str, code: str, cursor_pos: int) -> Future[dict[str, object]]:
        self.sent.append(("complete", kernel_id, code, str(cursor_pos)))
        return self.replies.get("complete", Future())

    def inspect(self, kernel_id: str, code: str, cursor_pos: int) -> Future[dict[str, object]]:
        self.sent.append(("inspect", kernel_id, code, str(cursor_pos)))
        return self.replies.get("inspect", Future())

    def is_complete(self, kernel_id: str, code: str) -> Future[dict[str, object]]:
        self.sent.append(("is_complete", kernel_id, code))
        return self.replies.get("is_complete", Future())

    def history(self, _kernel_id: str) -> Future[tuple[str, ...]]:
        future: Future[tuple[str, ...]] = Future()
        future.set_result(self.past)
        return future


class FakeFleet:
    """Has the interface of `Fleet`; `verbs` holds (verb, kernel id, further arguments)."""

    def __init__(self, *snapshots: KernelSnapshot) -> None:
        self.snapshots = snapshots
        self.console = FakeConsole()
        self.specs: tuple[SpecChoice, ...] = (PYTHON, BASH)
        self.warmed: list[str] = []
        self.verbs: list[tuple[object, ...]] = []
        self.host: HostUsage | None = None
        self.notices: list[Notice] = []
        self.told: list[Notice] = []
        self.transcripts: dict[str, Transcript] = {}
        self.message_logs: dict[str, MessageLog] = {}
        self.infos: dict[str, KernelInfo] = {}
        self.trees: dict[str, tuple[ProcessFacts, ...]] = {}
        self.logs: dict[str, Transcript] = {}
        self.files_asked: Container[ProcessIdentity] = ()
        """The processes whose open files were asked for last."""
        self.stacks: dict[str, Stack] = {}
        self.names: dict[str, tuple[Variable, ...]] = {}
        self.looks: list[tuple[str, str]] = []
        """The lookups, in order."""
        self.known: dict[Verb, tuple[str, ...]] = {}
        """The lines that `before` returns for a verb."""
        self.overruled = False
        """The last order had `anyway`."""
        self.engines: tuple[EngineView, ...] = ()
        self.answers: dict[str, EngineView | KernelError] = {}
        """By secret: the engine that a connection leads to, or the error that is raised."""
        self.locked = False
        self.detailed = ""
        self.error: KernelError | None = None
        """Raised by the next verbs."""
        self.opened = threading.Event()
        self.closed = False

    def open(self) -> None:
        self.opened.set()

    def close(self) -> None:
        self.closed = True

    def transcript(self, kernel_id: str) -> Transcript | None:
        return self.transcripts.get(kernel_id)

    def message_log(self, kernel_id: str) -> MessageLog | None:
        return self.message_logs.get(kernel_id)

    def info(self, kernel_id: str) -> KernelInfo:
        self.looks.append(("info", kernel_id))
        return self.infos[kernel_id]

    def processes(
        self, kernel_id: str, opened: Container[ProcessIdentity] = ()
    ) -> tuple[ProcessFacts, ...]:
        self.files_asked = opened
        self.looks.append(("processes", kernel_id))
        return self.trees.get(kernel_id, ())

    def log(self, kernel_id: str) -> Transcript | None:
        self.looks.append(("log", kernel_id))
        return self.logs.get(kernel_id)

    def stack(self, kernel_id: str) -> Stack:
        self.looks.append(("stack", kernel_id))
        return self._found(self.stacks, kernel_id)

    def variables(self, kernel_id: str) -> tuple[Variable, ...]:
        self.looks.append(("variables", kernel_id))
        return self._found(self.names, kernel_id)

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        self.looks.append((f"names of {frame.function} {depth} above {thread}", kernel_id))
        return self._found(self.names, kernel_id)

    def _found(self, found: dict[str, T], kernel_id: str) -> T:
        if kernel_id not in found:
            raise ActionRefused("no way works")
        return found[kernel_id]

    def mark(self, kernel_id: str) -> None:
        self._record("mark", kernel_id)

    def take_notices(self) -> tuple[Notice, ...]:
        taken = []
        while self.notices:  # the same list: a test in another thread may just now append to it
            taken.append(self.notices.pop(0))
        return tuple(taken)

    def note_told(self, notice: Notice) -> None:
        self.told.append(notice)

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        return self.specs

    def warm(self, kernel_name: str) -> None:
        self.warmed.append(kernel_name)

    def _record(self, *verb: object) -> str:
        self.verbs.append(verb)
        if self.error is not None:
            raise self.error
        return ""

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str:
        self._record("start", kernel_name, cwd, name)
        return "started"

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        self.overruled = bool(options.get("anyway"))
        signal = (options["signum"],) if verb is Verb.SIGNAL else ()
        one: tuple[object, ...] = (options["process"].pid,) if "process" in options else ()
        one += (options["name"],) if "name" in options else ()
        one += ("and the rest",) if options.get("rest") else ()
        return self._record(str(verb), target.kernel_id, *signal, *one)

    def before(self, verb: Verb, _target: Target) -> tuple[str, ...]:
        return self.known.get(verb, ())

    def connect(self, text: str, secret: str = "") -> str:
        self._record("engine", text, secret)
        answer = self.answers[secret]
        if isinstance(answer, KernelError):
            raise answer
        self.engines = (*(each for each in self.engines if each.name != answer.name), answer)
        return answer.name

    def disconnect(self, name: str) -> None:
        self._record("leave", name)
        self.engines = tuple(each for each in self.engines if each.name != name)

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        which = () if targets is None else tuple(target.kernel_id for target in targets)
        return self._record("shutdown all", *which)


SMALL, LARGE = (80, 24), (120, 40)
SIZES = [SMALL, pytest.param(LARGE, marks=pytest.mark.slow)]
"""Sizes in which an action or a dialog must work; the small one is harder."""


class Stage:
    """The running app, as a test drives it."""

    def __init__(self, fleet: FakeFleet, pilot: Pilot[None], clock: list[float]) -> None:
        self.fleet = fleet
        self.pilot = pilot
        self._clock = clock

    @property
    def app(self) -> KernelTui:
        assert isinstance(self.pilot.app, KernelTui)
        return self.pilot.app

    async def press(self, *keys: str) -> None:
        """Press `keys`, and wait for the orders that they gave."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.settle()

    async def press_meanwhile(self, *keys: str) -> None:
        """Press `keys`, while orders may be under way."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await quiet(self.app)

    async def settle(self) -> None:
        """Wait until every widget has read its messages, and no worker is running."""
        await quiet(self.app)
        while self.app.workers:
            await self.app.workers.wait_for_complete()
            await quiet(self.app)

    async def publish(self, *snapshots: KernelSnapshot) -> None:
        """Let the fleet publish `snapshots`, and the screen see them."""
        self.fleet.snapshots = snapshots
        self.app.main.tick()
        await self.settle()

    def pass_time(self, seconds: float) -> None:
        self._clock[0] += seconds

    @property
    def notices(self) -> list[str]:
        return [said.text for said in self.app.notices]

    @property
    def picture(self) -> str:
        """What is on the screen, as text."""
        return painted(self.app)


def on_stage(
    play: Callable[[Stage], Awaitable[None]],
    fleet: FakeFleet,
    size: tuple[int, int] = SMALL,
    settings: RunSettings = USUAL_SETTINGS,
    driver_class: type[Driver] | None = None,
) -> KernelTui:
    """Run `play` on the app with `fleet`; return the app after its end.

    `driver_class`: gets what is written to the terminal; without one nothing is written.
    """
    clock = [NOW]
    app = KernelTui(lambda: fleet, clock=lambda: clock[0], settings=settings)
    if driver_class is not None:
        app.driver_class = driver_class

    async def run() -> None:
        headless = driver_class is None
        async with app.run_test(headless=headless, size=size, notifications=True) as pilot:
            stage = Stage(fleet, pilot, clock)
            await stage.settle()
            await play(stage)

    with mock.patch.object(base_app, "TERMINAL_CHECK", NEVER):  # tests seldom have a terminal
        asyncio.run(run())
    return app
