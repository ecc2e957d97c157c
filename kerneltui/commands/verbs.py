"""`kerneltui start`, `interrupt`, `signal`, `restart`, `shutdown` and `kill`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kerneltui.commands import strangers
from kerneltui.commands.interrupting import interrupt
from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.printing import ProgressLine
from kerneltui.commands.settings import read_settings
from kerneltui.errors import ActionRefused, KernelError, KernelTimeout, LaunchError
from kerneltui.fleet.control.controllers import KernelController
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.protocol.text import clean_line

START_PATIENCE = 60.0  # seconds for a kernel to be ready
LOOK = 0.02  # seconds between two looks at one that starts

VERBS: dict[Verb, tuple[Callable[[Fleet, Target], str], Callable[[KernelController], str]]] = {
    Verb.INTERRUPT: (Fleet.interrupt, lambda controller: controller.interrupt()),
    Verb.RESTART: (Fleet.restart, lambda controller: controller.restart(now=False)),
    Verb.SHUTDOWN: (Fleet.shutdown, lambda controller: controller.shutdown()),
    Verb.KILL: (Fleet.kill, lambda controller: controller.kill()),
}
"""What is asked of a kernel of ours, and what of another's."""


@contextlib.contextmanager
def opened_fleet() -> Iterator[Fleet]:
    fleet = Fleet(transport=read_settings().transport)
    fleet.open()
    try:
        yield fleet
    finally:
        fleet.close()


def act(verb: str, words: Sequence[str]) -> int:
    """Ask `verb` of the kernels that `words` mean; of none where one of them is not clear.

    Those of kerneltui that are restarted are waited for until they are ready.
    """
    return _ask(Verb(verb), *VERBS[Verb(verb)], words)


def send_signal(signum: int, words: Sequence[str]) -> int:
    """Signal the process groups of kernels."""
    return _ask(
        Verb.SIGNAL,
        lambda fleet, target: fleet.signal(target, signum),
        lambda controller: controller.signal(signum),
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
        for notice in fleet.take_notices():
            if notice.kernel_id in ("", kernel_id):
                print(f"kerneltui: {notice.text}", file=sys.stderr)
    print(kernel_id)
    return 0


def _ask(
    verb: Verb,
    order: Callable[[Fleet, Target], str],
    order_of_stranger: Callable[[KernelController], str],
    words: Sequence[str],
) -> int:
    listed = list_all()
    meant = dict.fromkeys(find(listed, word) for word in words)
    with opened_fleet() as fleet:

        def ask(kernel: Listed) -> str:
            with ProgressLine(f"{verb} {kernel.name}"):
                if verb is Verb.INTERRUPT:
                    return interrupt(kernel, partial(order_it, kernel))
                return order_it(kernel)

        def order_it(kernel: Listed) -> str:
            if kernel.origin == Origin.KERNELTUI:
                return order(fleet, _target(fleet, kernel))
            return order_of_stranger(strangers.controller(kernel, verb))

        def wait(kernel: Listed) -> str:
            if verb is Verb.RESTART and kernel.origin == Origin.KERNELTUI:
                _wait_until_ready(fleet, kernel.id)
            return ""

        asked = [kernel for kernel in meant if _is_done(ask, kernel)]
        done = [kernel for kernel in asked if _is_done(wait, kernel)]
    return 0 if len(done) == len(meant) else 1


def _is_done(ask: Callable[[Listed], str], kernel: Listed) -> bool:
    """Print what comes of asking something of a kernel; tell whether it was done."""
    try:
        said, is_done = ask(kernel), True
    except KernelError as error:
        said, is_done = str(error), False
    if said:
        print(f"kerneltui: {clean_line(said, limit=500)}", file=sys.stderr)
    return is_done


def _target(fleet: Fleet, kernel: Listed) -> Target:
    """Return the kernel as it was listed. Raises ActionRefused where it has another process."""
    target = _row(fleet, kernel.id).target
    # What only was found to serve the kernel since, behind what was launched, is no other.
    has_ended = kernel.identity is not None and not kernel.identity.is_alive()
    if has_ended and target.identity != kernel.identity:
        raise ActionRefused(f"{kernel.name} was restarted meanwhile; nothing was done")
    return replace(target, was_dead=kernel.state == KernelState.DEAD)


def _row(fleet: Fleet, kernel_id: str) -> KernelSnapshot:
    for row in fleet.snapshots:
        if row.kernel_id == kernel_id:
            return row
    raise KernelError(f"kernel {kernel_id} cannot be adopted: its files are gone, or being made")


def _wait_until_ready(fleet: Fleet, kernel_id: str) -> None:
    deadline = time.monotonic() + START_PATIENCE
    with ProgressLine(f"waiting until {_row(fleet, kernel_id).name} is ready"):
        while time.monotonic() < deadline:
            row = _row(fleet, kernel_id)
            if row.state is KernelState.IDLE:
                return
            if row.state is KernelState.DEAD:
                raise LaunchError(row.reason, ())
            time.sleep(LOOK)
    raise KernelTimeout(f"kernel {kernel_id} runs, and is not ready after {START_PATIENCE:.0f} s")
