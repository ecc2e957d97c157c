"""Where real kernels stand that hang, each in its own way; and that looking changes nothing."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.stack import Frame, Stack, Way
from kerneltui.fleet.diagnosis.ways import diagnosis, signal_probe
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.processes.marked import MARK
from kerneltui.kernels.processes.stack_signal import STACK_SIGNAL, is_caught, signal_number
from kerneltui.protocol.status import KernelState
from tests.fleet.stage import shown
from tests.support import PATIENCE, eventually

pytestmark = pytest.mark.slow

PATIENT = 3.0  # seconds until a kernel on a loaded machine is taken for one that cannot tell
LOOP = "def spin():\n    while True:\n        pass\nspin()"
SLEEP = "import time\ndef nap(wanted, password='s3'):\n    time.sleep(wanted)\nnap(1000)"
HOLD = "import ctypes\ndef hold():\n    ctypes.PyDLL(None).sleep(1000)\nhold()"
ASK = "def ask():\n    return input('who? ')\nask()"
LOCK = """import threading
kept = threading.Lock()
kept.acquire()
def dead():
    kept.acquire()
dead()"""
SEEN = {
    "count": "get_ipython().execution_count",
    "names": "sorted(get_ipython().user_ns)",
    "history": "list(get_ipython().history_manager.get_range(output=False))",
    "argv": "__import__('sys').argv",
    "environ": "sorted(__import__('os').environ)",
    "path": "__import__('sys').path",
    "callbacks": "{name: len(all) for name, all in get_ipython().events.callbacks.items()}",
    "cells": "[f for f in __import__('linecache').cache if 'ipykernel_' in f]",
}


class Hanging:
    """A kernel that runs code until it is killed."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.kernel_id = fleet.start("python3", cwd="")
        self.wait_until_idle()

    @property
    def now(self) -> KernelSnapshot:
        (found,) = (each for each in self.fleet.snapshots if each.kernel_id == self.kernel_id)
        return found

    @property
    def pid(self) -> int:
        assert self.now.pid is not None
        return self.now.pid

    @property
    def text(self) -> str:
        found = self.fleet.transcript(self.kernel_id)
        assert found is not None
        return "\n".join(text for _, text in shown(found.view()))

    def wait_until_idle(self) -> None:
        eventually(lambda: self.now.state is KernelState.IDLE)

    def run(self, code: str) -> None:
        self.fleet.console.execute(self.kernel_id, code)

    def stack_in(self, function: str, way: Way = Way.SUBSHELL) -> Stack:
        """Look until the main thread is in a function of the user's, and that is told this way."""
        found: list[Stack] = []

        def is_there() -> bool:
            found.append(self.fleet.stack(self.kernel_id))
            functions = [each.function for each in own_frames(found[-1])]
            return found[-1].way is way and function in functions

        eventually(is_there)
        return found[-1]

    @contextlib.contextmanager
    def connected(self) -> Iterator[BlockingKernelClient]:
        """Yield a client of somebody else's."""
        client = BlockingKernelClient(connection_file=self.now.connection_file)
        client.load_connection_file()
        client.start_channels()
        try:
            yield client
        finally:
            client.stop_channels()

    def seen(self) -> dict[str, object]:
        """Return what code in the kernel sees of itself."""
        with self.connected() as client:
            reply = client.execute("", silent=True, user_expressions=SEEN, reply=True, timeout=30)
        return {name: told["data"] for name, told in reply["content"]["user_expressions"].items()}


def waiting_for(path: Path) -> str:
    """Return code that waits in a function until a file is there."""
    return f"""import os, time
def wait():
    while not os.path.exists({str(path)!r}):
        time.sleep(0.01)
wait()
"""


def own_frames(stack: Stack) -> list[Frame]:
    return [each for each in stack.main.frames if each.own] if stack.main else []


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(diagnosis, "STACK_PATIENCE", PATIENT)
    monkeypatch.setattr(diagnosis, "NAMES_PATIENCE", PATIENCE)
    monkeypatch.setattr(signal_probe, "PATIENCE", PATIENCE)
    monkeypatch.setattr(signal_probe, "OTHERS_PATIENCE", PATIENCE)
    fleet = Fleet()
    fleet.open()
    try:
        yield Hanging(fleet)
    finally:
        for each in fleet.snapshots:
            with contextlib.suppress(KernelError):  # it has died already
                fleet.do(Verb.KILL, each.target)
        fleet.shutdown_all()
        fleet.close()


@pytest.mark.parametrize(
    ("code", "function", "line", "source", "way"),
    [
        (LOOP, "spin", 2, "while True:", Way.SUBSHELL),
        (SLEEP, "nap", 3, "time.sleep(wanted)", Way.SUBSHELL),
        (HOLD, "hold", 3, "ctypes.PyDLL(None).sleep(1000)", Way.FAULTHANDLER),
        (ASK, "ask", 2, "return input('who? ')", Way.SUBSHELL),
        (LOCK, "dead", 5, "kept.acquire()", Way.SUBSHELL),
    ],
    ids=["endless loop", "sleep", "the GIL held", "input", "deadlocked lock"],
)
def test_a_hang_is_told_apart_by_its_innermost_line(
    kernel: Hanging, code: str, function: str, line: int, source: str, way: Way
) -> None:
    kernel.run(code)

    stack = kernel.stack_in(function, way)

    where = own_frames(stack)[0]
    assert (stack.way, where.function, where.line, where.source) == (way, function, line, source)


def test_a_look_beside_a_running_cell_leaves_the_kernel_busy(kernel: Hanging) -> None:
    kernel.run(SLEEP)
    eventually(lambda: kernel.now.state is KernelState.BUSY)

    stack = kernel.stack_in("nap")
    kernel.fleet.stack(kernel.kernel_id)  # by its answer, what the first one published is in

    assert kernel.now.state is KernelState.BUSY
    assert [each.place for each in own_frames(stack)] == ["In [1], line 3", "In [1], line 4"]


def test_looking_changes_nothing_that_code_can_see(kernel: Hanging) -> None:
    kernel.run("x = list(range(10))")
    kernel.wait_until_idle()
    eventually(lambda: "x = list(range(10))" in str(kernel.seen()))  # the code is written down
    before = kernel.seen()

    for look in (kernel.fleet.stack, kernel.fleet.variables):
        look(kernel.kernel_id)

    assert kernel.seen() == before
    assert set(re.findall(r"KERNELTUI\w*", str(before))) == {MARK}
    assert not any("kerneltui" in each for each in psutil.Process(kernel.pid).cmdline()[:-1])


def test_a_look_takes_neither_prompt_nor_plots_from_the_cell_beside_it(
    kernel: Hanging, tmp_path: Path
) -> None:
    """What draws plots is a callback after each cell."""
    go = tmp_path / "go"
    kernel.run("drawn = []; get_ipython().events.register('post_execute', lambda: drawn.append(1))")
    kernel.run(f"{waiting_for(go)}drawn_so_far, name = len(drawn), input('who? ')")
    kernel.stack_in("wait")

    go.touch()

    eventually(lambda: kernel.fleet.console.prompts.get(kernel.kernel_id))
    kernel.fleet.console.answer(kernel.fleet.console.prompts[kernel.kernel_id], "Ana")
    kernel.wait_until_idle()
    kernel.run("print(drawn_so_far, name)")
    eventually(lambda: "1 Ana" in kernel.text)


def test_a_look_takes_neither_the_pager_nor_the_word_on_prompts_from_the_client(
    kernel: Hanging, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    with kernel.connected() as client:
        page = "get_ipython().payload_manager.write_payload({'source': 'page'})\n"
        msg_id = client.execute(f"{page}{waiting_for(go)}input()", allow_stdin=False)
        kernel.stack_in("wait")

        go.touch()

        reply = client.get_shell_msg(timeout=30)
    assert reply["parent_header"]["msg_id"] == msg_id
    assert reply["content"]["ename"] == "StdinNotImplementedError"
    assert reply["content"]["payload"] == [{"source": "page"}]


def test_a_call_that_waits_with_the_gil_held_is_not_cut_short_by_looking(kernel: Hanging) -> None:
    kernel.run(HOLD)
    kernel.stack_in("hold", Way.FAULTHANDLER)

    again = kernel.fleet.stack(kernel.kernel_id)

    assert again.way is Way.FAULTHANDLER
    assert own_frames(again)[0].function == "hold"


def test_the_names_of_a_frame_and_the_largest_variable_are_told_while_it_runs(
    kernel: Hanging,
) -> None:
    kernel.run("small, hog = 1, [bytes(1000) for _ in range(20_000)]")
    kernel.run(SLEEP)
    stack = kernel.stack_in("nap")
    assert stack.main is not None
    thread = stack.main.ident
    assert thread is not None
    depth = stack.main.frames.index(own_frames(stack)[0])

    names = kernel.fleet.frame_names(kernel.kernel_id, thread, depth, stack.main.frames[depth])
    variables = kernel.fleet.variables(kernel.kernel_id)

    assert {each.name: each.value for each in names} == {"wanted": "1000", "password": MASK}
    assert (variables[0].name, variables[0].shape) == ("hog", (20_000,))
    assert 20_000_000 < variables[0].size < 30_000_000
    assert "small" in [each.name for each in variables]


def test_a_stopped_kernel_is_asked_and_signalled_nothing(kernel: Hanging) -> None:
    process = psutil.Process(kernel.pid)
    process.suspend()
    eventually(lambda: process.status() == psutil.STATUS_STOPPED)

    stack = kernel.fleet.stack(kernel.kernel_id)

    refused = {each.way: each.why for each in stack.refused}
    assert refused[Way.SUBSHELL] == refused[Way.FAULTHANDLER] == "it is stopped by a signal"
    process.resume()


def test_a_kernel_tells_its_stacks_at_the_signal_after_a_restart_too(kernel: Hanging) -> None:
    before, signum = kernel.pid, signal_number(STACK_SIGNAL)
    assert signum is not None

    kernel.fleet.do(Verb.RESTART, kernel.now.target)
    eventually(lambda: kernel.pid != before)
    kernel.wait_until_idle()

    assert is_caught(kernel.pid, signum)


def test_a_signal_that_is_not_caught_any_more_is_not_sent(kernel: Hanging) -> None:
    own = signal_number(STACK_SIGNAL)
    assert own is not None
    for signum in (own, own + 1):
        kernel.run(f"import faulthandler; faulthandler.unregister({signum})")
    kernel.run(HOLD)

    def reasons() -> str:
        return " ".join(kernel.fleet.stack(kernel.kernel_id).reasons)

    eventually(lambda: "does not catch SIGRTMIN" in reasons())
    assert psutil.pid_exists(kernel.pid)


def test_read_only_tells_what_the_system_does_and_asks_nothing(kernel: Hanging) -> None:
    kernel.fleet.locked = True

    stack = kernel.fleet.stack(kernel.kernel_id)
    kernel.fleet.locked = False

    assert stack.way is Way.SYSTEM
    assert stack.main is not None
    assert stack.main.note
    assert stack.touches.startswith("nothing")


def test_a_kernel_that_has_died_is_said_not_to_run(kernel: Hanging) -> None:
    kernel.fleet.do(Verb.KILL, kernel.now.target)

    with pytest.raises(CannotLook, match=r"^it is not running; its log tells how it ended$"):
        kernel.fleet.stack(kernel.kernel_id)
