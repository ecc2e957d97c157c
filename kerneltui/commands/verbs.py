"""`kerneltui start`, `interrupt`, `signal`, `restart`, `shutdown` and `kill`."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path

from kerneltui.commands import strangers
from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.printing import Progress
from kerneltui.errors import KernelError, KernelTimeout, LaunchError
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.handles import Handle
from kerneltui.fleet.origin import Origin
from kerneltui.fleet.snapshot import KernelSnapshot, Target
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.protocol.text import clean_line

START_PATIENCE = 60.0  # seconds for a kernel to be ready
POLL = 0.2  # seconds between two words on how long an order takes
LOOK = 0.02  # seconds between two looks at one that starts

VERBS: dict[Verb, tuple[Callable[[Fleet, Target], str], Callable[[Handle], str]]] = {
    Verb.INTERRUPT: (Fleet.interrupt, lambda handle: handle.interrupt()),
    Verb.RESTART: (Fleet.restart, lambda handle: handle.restart(now=False)),
    Verb.SHUTDOWN: (Fleet.shutdown, lambda handle: handle.shutdown()),
    Verb.KILL: (Fleet.kill, lambda handle: handle.kill()),
}
"""What is asked of a kernel of ours, and what of another's."""


@contextlib.contextmanager
def opened_fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    fleet.open()
    try:
        yield fleet
    finally:
        fleet.close()


def act(verb: str, words: Sequence[str]) -> int:
    """Ask `verb` of the kernels that `words` mean; of none where one of them is not clear."""
    return _ask(Verb(verb), *VERBS[Verb(verb)], words)


def send_signal(name: str, words: Sequence[str]) -> int:
    """Signal the process groups of kernels; `name`: a number, or a name with or without SIG."""
    signum = _signal_number(name)
    return _ask(
        Verb.SIGNAL,
        lambda fleet, target: fleet.signal(target, signum),
        lambda handle: handle.signal(signum),
        words,
    )


def start(kernel_name: str, *, cwd: str, name: str, autorestart: bool) -> int:
    """Start a kernel that lives on, wait until it is ready, and print its id."""
    folder = Path(cwd).expanduser()
    if not folder.is_dir():
        raise KernelError(f"{folder} is no folder")
    with opened_fleet() as fleet:
        kernel_id = fleet.start(
            kernel_name, cwd=str(folder.absolute()), name=name, autorestart=autorestart
        )
        _wait_until_ready(fleet, kernel_id)
    print(kernel_id)
    return 0


def _ask(
    verb: Verb,
    order: Callable[[Fleet, Target], str],
    order_of_stranger: Callable[[Handle], str],
    words: Sequence[str],
) -> int:
    listed = list_all(within=0)
    meant = dict.fromkeys(find(listed, word) for word in words)
    failed = 0
    with opened_fleet() as fleet:

        def ask(kernel: Listed) -> str:
            if kernel.origin == Origin.KERNELTUI:
                return order(fleet, _row(fleet, kernel.id).target)
            return order_of_stranger(strangers.handle(kernel, verb))

        for kernel in meant:
            try:
                said = _awaited(partial(ask, kernel), f"{verb} {kernel.name}")
            except KernelError as error:
                said = str(error)
                failed += 1
            if said:
                print(f"kerneltui: {clean_line(said, limit=500)}", file=sys.stderr)
    return 1 if failed else 0


def _awaited(call: Callable[[], str], what: str) -> str:
    """Return what `call` returns, and tell meanwhile how long it takes."""
    with ThreadPoolExecutor(1, "kerneltui-verb") as pool, Progress(what) as progress:
        answer = pool.submit(call)
        while not wait([answer], timeout=POLL).done:
            progress.tick()
        return answer.result()


def _row(fleet: Fleet, kernel_id: str) -> KernelSnapshot:
    for row in fleet.snapshots:
        if row.kernel_id == kernel_id:
            return row
    raise KernelError(f"kernel {kernel_id} cannot be adopted: its files are gone, or being made")


def _wait_until_ready(fleet: Fleet, kernel_id: str) -> None:
    deadline = time.monotonic() + START_PATIENCE
    with Progress(f"waiting until {_row(fleet, kernel_id).name} is ready") as progress:
        while time.monotonic() < deadline:
            row = _row(fleet, kernel_id)
            if row.state is KernelState.IDLE:
                return
            if row.state is KernelState.DEAD:
                raise LaunchError(row.reason, ())
            progress.tick()
            time.sleep(LOOK)
    raise KernelTimeout(f"kernel {kernel_id} runs, and is not ready after {START_PATIENCE:.0f} s")


def _signal_number(name: str) -> int:
    known = {each.name: int(each) for each in signal.Signals}
    number = int(name) if name.isdecimal() else known.get(f"SIG{name.upper().removeprefix('SIG')}")
    if number not in known.values():
        raise KernelError(f"no signal is called {name}; known: {', '.join(known)}")
    assert number is not None
    return number
