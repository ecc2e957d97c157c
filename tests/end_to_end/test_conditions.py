"""Twelve kernels that are broken, each in its own way, and what a person gets to know of each.

They are looked at once: by the dashboard that has started them, by ps, and by the dashboard
after that, at 80x24, where a few keys then help each of them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.commands.listing import list_all
from kerneltui.commands.probe import Probe
from kerneltui.commands.ps import to_json
from kerneltui.commands.stack import stack
from kerneltui.fleet.diagnosis.condition import Word
from kerneltui.fleet.diagnosis.stack import Stack, Way
from kerneltui.fleet.diagnosis.ways import diagnosis
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.protocol.status import KernelState
from tests.conftest import make_places
from tests.end_to_end.dashboard import SMALL, Dashboard, environment_of, new_home
from tests.support import eventually

pytestmark = pytest.mark.slow

WITHIN = 60  # seconds, for what kernels do on a loaded machine
PATIENT = 3.0  # seconds until the kernel that holds its interpreter is taken for one that does
LOOP = (
    "while True: t = time.process_time(); sum(range(50_000)); "
    "time.sleep(5 * (time.process_time() - t))"
)
"""It uses a sixth of any processor, which is busy enough: others need it too."""


@dataclass(frozen=True)
class Case:
    """How a kernel is broken, and what is to be told of it."""

    code: str
    word: Word
    sentence: str
    row: str
    """What the next dashboard's row begins to say in the column CODE."""
    stands_at: str = ""
    """The user's own line that it stands at; "" if it stands at none."""
    keys: tuple[str, ...] = ()
    """What helps it, once it is selected."""
    then: str = "idle"
    """What its row says after that; "" if it has none any more."""


INTERRUPT = ("i", "i")
WAITS = "waits: sleep, lock, network or a child"
SLEEP = "import time; time.sleep(10_000)"
TIMED_LOOP = f"import time\n{LOOP}"
GO = "go"
"""A file in the kernels' folder; until it is there, threads that tell of the cell can run."""
HOLD = "ctypes.PyDLL(None).sleep(10_000)"
WAIT = f"while not pathlib.Path('{GO}').exists(): time.sleep(0.01)"
GIL = f"""import ctypes, pathlib, time
{WAIT}
{HOLD}"""
CRASH = f"""import ctypes, pathlib, time
def crash():
    {WAIT}
    ctypes.string_at(0)

crash()"""
LOCK = "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()"
GROWTH = """import time
hog = []
while len(hog) < 4_000: hog.append(b'x' * 250_000); time.sleep(0.2)
time.sleep(10_000)"""
CASES = {
    "loop": Case(TIMED_LOOP, Word.BUSY, "runs Python", "import time", LOOP, INTERRUPT),
    "sleep": Case(SLEEP, Word.WAITING, WAITS, "import time", SLEEP, INTERRUPT),
    "gil": Case(
        GIL, Word.NO_ANSWER, "holds its interpreter in native code", "import ct", HOLD, INTERRUPT
    ),
    "input": Case(
        "input('name? ')", Word.ASKS, "asks name?", "asks name?; its", "input('name? ')", INTERRUPT
    ),
    "lock": Case(LOCK, Word.WAITING, WAITS, "import thr", LOCK, INTERRUPT),
    "stop": Case(
        "",
        Word.STOPPED,
        "stopped by a signal; SIGCONT continues it",
        "stopped by a",
        keys=("K", "enter"),
    ),
    "child": Case(
        f"import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {TIMED_LOOP!r}], start_new_session=True).pid",
        Word.IDLE,
        "runs nothing, its children are busy",
        "runs nothing, i",
    ),
    "zombies": Case(
        "import subprocess; each = [subprocess.Popen('true') for _ in range(5)]",
        Word.IDLE,
        "runs nothing; 5 zombies",
        "runs nothing; 5",
    ),
    "hog": Case(GROWTH, Word.WAITING, WAITS, "import time", "while len(hog)", INTERRUPT),
    "crash": Case(
        CRASH,
        Word.DIED,
        "segmentation fault in crash(), In [1]",
        "segmentation fa",
        keys=("x", "y"),
        then="",
    ),
    "exit": Case(
        "import os; os._exit(3)",
        Word.DIED,
        "its own exit(3); it ran: import os; os._exit(3)",
        "its own exit(3)",
        keys=("x", "y"),
        then="",
    ),
    "imports": Case(
        "",
        Word.DIED,
        "ModuleNotFoundError: No module named 'no_such_module', exit(1) at start",
        "ModuleNotFoundE",
        keys=("x", "y"),
        then="",
    ),
}
COMPUTING = frozenset({"loop", "child"})
"""They are broken last, as the others' processors are theirs too."""
OF_OTHERS = {"input": "; only the client that runs it can answer"}
"""What a command adds, as the kernels are another program's."""
AT_A_LINE = [name for name, case in CASES.items() if case.stands_at]
HELPED = [name for name, case in CASES.items() if case.keys]


@dataclass(frozen=True)
class Seen:
    """What was told of the kernels, by their names."""

    now: dict[str, KernelSnapshot]
    """By the dashboard that has started them."""
    stacks: dict[str, Stack]
    stack_by_command: dict[str, Any]
    """What `kerneltui stack` has printed of the one that holds its interpreter."""
    ps: dict[str, dict[str, Any]]
    later: Dashboard
    """The next one, with nothing but its table in sight."""
    rows: dict[str, str]
    """What that has shown of them."""


@pytest.fixture(scope="module")
def seen(places: Path) -> Iterator[Seen]:
    pids: list[int] = []
    try:
        with new_home(places) as home, pytest.MonkeyPatch.context() as patch:
            for name, place in make_places(home).items():
                patch.setenv(name, place)
            patch.setattr(diagnosis, "STACK_PATIENCE", PATIENT)
            with contextlib.closing(Fleet()) as fleet:
                fleet.open()
                _break_all(fleet, home, pids)
                now = _by_name(fleet)
                ps, command = _told_by_ps(), _stack_by_command("gil")
                stacks = {"gil": fleet.stack(now["gil"].kernel_id)}
                patch.setattr(diagnosis, "STACK_PATIENCE", WITHIN)
                for name in set(AT_A_LINE).difference(stacks):
                    stacks[name] = fleet.stack(now[name].kernel_id)
            with contextlib.closing(_next_dashboard(home)) as later:
                yield Seen(now, stacks, command, ps, later, _rows(later))
    finally:
        for pid in pids:  # they have ended with their home
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _break_all(fleet: Fleet, home: Path, pids: list[int]) -> None:
    """Return once each kernel is in the condition that it should be in."""
    ids = {}
    for name in CASES:
        with pytest.MonkeyPatch.context() as patch:
            if name == "imports":
                (home / "broken").mkdir()
                (home / "broken" / "ipykernel_launcher.py").write_text("import no_such_module")
                patch.setenv("PYTHONPATH", str(home / "broken"))
            ids[name] = fleet.start("python3", cwd=str(home), name=name)
    settled = (KernelState.IDLE, KernelState.DEAD)
    eventually(lambda: all(each.state in settled for each in fleet.snapshots), WITHIN)
    kernels = _by_name(fleet)
    pids += [each.pid for each in kernels.values() if each.pid is not None]
    others = CASES.keys() - COMPUTING
    for name in others:
        if code := CASES[name].code:
            fleet.console.execute(ids[name], code)
    os.kill(kernels["stop"].pid or 0, signal.SIGSTOP)
    eventually(lambda: all(_by_name(fleet)[each].executions for each in ("gil", "crash")), WITHIN)
    (home / GO).touch()

    def is_told(names: Iterable[str]) -> bool:
        seen = {name: each.condition for name, each in _by_name(fleet).items()}
        told = {name: (seen[name].word, seen[name].sentence) for name in names}
        return told == {name: (CASES[name].word, CASES[name].sentence) for name in names}

    eventually(lambda: is_told(others) and _growth(_by_name(fleet)["hog"]) > 0, WITHIN)
    for name in COMPUTING:
        fleet.console.execute(ids[name], CASES[name].code)
    eventually(lambda: is_told(CASES), WITHIN)


def _by_name(fleet: Fleet) -> dict[str, KernelSnapshot]:
    return {each.name: each for each in fleet.snapshots}


def _growth(kernel: KernelSnapshot) -> float:
    return kernel.usage.growth if kernel.usage is not None else 0.0


def _listed() -> dict[str, dict[str, Any]]:
    with Probe() as probe:
        return {each["name"]: each for each in json.loads(to_json(list_all(probe)))}


def _told_by_ps() -> dict[str, dict[str, Any]]:
    """Return what ps says, once that is right: a kernel may be slow to tell it."""
    told: dict[str, dict[str, Any]] = {}

    def is_told() -> bool:
        told.update(_listed())
        return all(
            told[name]["condition"] == case.word
            and told[name]["sentence"] == case.sentence + OF_OTHERS.get(name, "")
            and told[name]["since"] is not None
            for name, case in CASES.items()
        )

    eventually(is_told, WITHIN)
    return told


def _stack_by_command(name: str) -> dict[str, Any]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        stack(name, as_json=True, variables=False, read_only=False)
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told


def _next_dashboard(home: Path) -> Dashboard:
    command = (sys.executable, "-m", "kerneltui")
    return Dashboard.open(command, size=SMALL, environment=environment_of(home), cwd=home)


def _rows(dashboard: Dashboard) -> dict[str, str]:
    """Return the rows of all kernels, once each is what it should be."""
    dashboard.wait_for("s Start")
    dashboard.press("z")

    def is_told() -> bool:
        return all(
            dashboard.is_in_state(name, case.word) and case.row in dashboard.row(name)
            for name, case in CASES.items()
        )

    dashboard.wait_for(is_told)
    return {name: dashboard.row(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_it_is_known_since_when_a_kernel_is_as_it_is(seen: Seen, name: str) -> None:
    assert seen.now[name].condition.since is not None


@pytest.mark.parametrize("name", CASES)
def test_ps_says_the_same(seen: Seen, name: str) -> None:
    case, told = CASES[name], seen.ps[name]

    assert told["condition"] == case.word
    assert told["sentence"] == case.sentence + OF_OTHERS.get(name, "")


@pytest.mark.parametrize("name", CASES)
def test_ps_says_since_when(seen: Seen, name: str) -> None:
    assert seen.ps[name]["since"] is not None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("loop", {"answers": True, "code": TIMED_LOOP.replace("\n", " ↵ ")}),
        ("gil", {"answers": False, "code": GIL.replace("\n", " ↵ ")}),
        ("input", {"waits_for_input": True}),
        ("child", {"children": 1}),
        ("zombies", {"zombies": 5, "children": 0}),
        ("crash", {"cause": CASES["crash"].sentence, "exit_code": None, "signal": "SIGSEGV"}),
        ("exit", {"cause": "its own exit(3)", "exit_code": 3, "signal": None}),
        ("imports", {"cause": CASES["imports"].sentence, "exit_code": 1, "signal": None}),
    ],
)
def test_ps_says_what_sets_it_apart(seen: Seen, name: str, told: dict[str, object]) -> None:
    assert {key: seen.ps[name][key] for key in told} == told


@pytest.mark.parametrize("name", AT_A_LINE)
def test_its_stack_ends_at_the_line_that_hangs(seen: Seen, name: str) -> None:
    where = seen.stacks[name].where

    assert where is not None
    assert where.source.startswith(CASES[name].stands_at)


def test_only_a_signal_tells_where_the_interpreter_is_held(seen: Seen) -> None:
    ways = {name: each.way for name, each in seen.stacks.items()}

    assert [name for name, way in ways.items() if way is not Way.SUBSHELL] == ["gil"]
    assert ways["gil"] is Way.FAULTHANDLER


def test_the_command_knows_the_number_of_the_cell_where_only_a_signal_tells(seen: Seen) -> None:
    told = seen.stack_by_command

    where = next(each for each in told["threads"][0]["frames"] if each["own"])
    assert (told["method"], where["cell"], where["source"]) == ("faulthandler", 1, HOLD)


@pytest.mark.parametrize("name", CASES)
def test_the_next_dashboard_says_for_how_long(seen: Seen, name: str) -> None:
    assert re.search(rf" {CASES[name].word} \d+[smh] ", seen.rows[name])


@pytest.mark.parametrize("name", HELPED)
def test_a_few_keys_help_a_selected_kernel(seen: Seen, name: str) -> None:
    select(seen.later, name)

    keys, then = CASES[name].keys, CASES[name].then

    def is_helped() -> bool:
        return seen.later.is_in_state(name, then) if then else not seen.later.row(name)

    if keys == INTERRUPT:
        seen.later.press_until(keys, is_helped)
    else:
        seen.later.press(*keys)
        seen.later.wait_for(is_helped)


def test_the_processes_of_a_kernel_tell_its_zombies(seen: Seen) -> None:
    select(seen.later, "zombies")

    seen.later.press("4")

    seen.later.wait_for("5 zombies: ended, and not reaped by")


def test_a_busy_child_is_killed_without_its_kernel(seen: Seen) -> None:
    select(seen.later, "child")
    (child,) = psutil.Process(seen.now["child"].pid).children()

    seen.later.press("4", "X")
    seen.later.wait_for("Kill this process?")
    seen.later.press("y")

    seen.later.wait_for(lambda: child.status() == psutil.STATUS_ZOMBIE)
    seen.later.wait_for_state("child", "idle")


def test_the_variables_of_a_kernel_that_grows_name_what_fills_it(seen: Seen) -> None:
    select(seen.later, "hog")

    seen.later.press("w", "v")

    seen.later.wait_for(lambda: re.search(r"hog +list", seen.later.text))


def select(dashboard: Dashboard, name: str) -> None:
    dashboard.press("escape", "escape", "/")
    dashboard.wait_for("Enter Keep")
    dashboard.type(f"name:{name}")
    dashboard.press("enter")
    dashboard.wait_for(lambda: f"> {name} " in dashboard.text and "s Start" in dashboard.text)
