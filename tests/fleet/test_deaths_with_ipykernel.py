"""How ipykernels die, by themselves and by others, is told with its cause first."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed, list_all
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.protocol.status import KernelState
from tests.fleet.small_kernels import Watched, dismiss_all
from tests.support import eventually, waits_for

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("known_exit_codes")]

CRASH = "def crash():\n    import ctypes\n    ctypes.string_at(0)\n\ncrash()"


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with closing(opened()) as fleet:
        yield fleet
        dismiss_all(fleet)


def opened() -> Fleet:
    fleet = Fleet(given_by=lambda verb: {Verb.KILL: "X"}.get(verb, str(verb)))
    fleet.open()
    return fleet


@pytest.fixture
def python(fleet: Fleet) -> Watched:
    kernel = Watched(fleet, "python3")
    kernel.wait_for(KernelState.IDLE)
    return kernel


def wait_until_ended(kernel: Watched) -> None:
    """Wait until all that was said is heard."""
    kernel.wait_for(KernelState.DEAD)
    eventually(lambda: any(kernel.now.reason in text for _, text in kernel.shown()))


def listed() -> Listed:
    (row,) = list_all()
    return row


def crash(kernel: Watched) -> None:
    """Have it crash once its cell was heard of, which would end with the thread that tells it."""
    with tempfile.TemporaryDirectory() as folder:
        go = Path(folder) / "go"
        kernel.run(waits_for(go) + CRASH)
        eventually(lambda: kernel.now.executions)
        go.touch()
        kernel.wait_for(KernelState.DEAD)


def is_recorded(kernel: Watched, code: str) -> bool:
    """Tell whether the keeper has heard that a kernel runs this."""
    recording = recording_path(str(Path(kernel.now.connection_file).expanduser()), kernel.kernel_id)
    return recording.exists() and code.encode() in recording.read_bytes()


def leave(kernel: Watched) -> None:
    kernel.run("import os; os._exit(3)")


def be_killed(kernel: Watched) -> None:
    os.kill(kernel.now.pid or 0, signal.SIGKILL)


@pytest.mark.parametrize(
    ("die", "sentence", "exit_code", "name"),
    [
        (crash, "segmentation fault in crash(), In [1]", None, "SIGSEGV"),
        (leave, "its own exit(3); it ran: import os; os._exit(3)", 3, None),
        (be_killed, "SIGKILL from outside", None, "SIGKILL"),
    ],
)
def test_an_end_is_told_alike_now_later_and_by_ps(
    python: Watched,
    die: Callable[[Watched], None],
    sentence: str,
    exit_code: int | None,
    name: str | None,
) -> None:
    die(python)

    wait_until_ended(python)
    eventually(lambda: python.now.reason == listed().sentence == sentence)
    now, told = python.now, listed()
    with closing(opened()) as later:
        eventually(lambda: later.snapshots[0].reason == sentence)
        again = later.snapshots[0]

    assert now.reason == told.sentence == again.reason == sentence
    assert (told.exit_code, told.signal) == (exit_code, name)


def test_a_kill_by_us_is_ours(python: Watched) -> None:
    python.run("while True: pass")
    eventually(lambda: python.now.code)

    python.fleet.do(Verb.KILL, python.now.target)

    told, ran = python.wait_for(KernelState.DEAD).reason.split("; ")
    assert told.startswith("killed by you, X ")
    assert ran == "it ran: while True: pass"


def test_an_import_error_at_the_start_is_the_cause(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("import no_such_module")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    kernel = Watched(fleet, "python3")
    sentence = "ModuleNotFoundError: No module named 'no_such_module', exit(1) at start"
    eventually(lambda: kernel.now.reason == sentence)

    row = kernel.now
    assert row.state is KernelState.DEAD
    assert row.death is not None
    assert "ipykernel_launcher" in row.death.argv


def test_a_crash_while_no_dashboard_was_open_is_told_by_its_log(tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = opened()
    python = Watched(first, "python3")
    identity = python.wait_for(KernelState.IDLE).identity
    assert identity is not None
    python.run(waits_for(go) + CRASH)
    eventually(lambda: is_recorded(python, "ctypes.string_at"))
    first.close()
    go.touch()
    eventually(lambda: not identity.is_alive())

    eventually(lambda: "In [1]" in (listed().sentence or ""))  # once its last words are recorded
    told = listed()
    with closing(opened()) as later:
        # Its manifest may have been read before the last words were noted.
        eventually(lambda: later.snapshots[0].reason == told.sentence)
        dismiss_all(later)

    assert told.sentence == "segmentation fault in crash(), In [1]"
    assert (told.exit_code, told.signal) == (None, "SIGSEGV")


def test_the_report_of_crashes_leaves_no_trace_in_the_kernel(python: Watched) -> None:
    python.run("print(sorted(set(dir()) - set(dir(__builtins__)) - {'In', 'Out', 'exit', 'quit'}))")
    python.run("print(len(In), __import__('faulthandler').is_enabled())")

    eventually(lambda: any("True" in text for _, text in python.shown()))
    names, count = [text for _, text in python.shown() if not text.startswith(("In", "Out"))][-2:]
    assert "faulthandler" not in names
    assert count == "3 True"
