"""Interrupts: warnings before an interrupt, and what to say if it has no effect.

Rule: decisions are pure functions of facts about the process, so all front ends say the same.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path, PurePath

from kerneltui.errors import ActionRefused, KernelDied, KernelError, KernelTimeout
from kerneltui.fleet.control.ladder import PATIENCE, Attempt, Rung
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.lifecycle import Lifecycle
from kerneltui.protocol.status import Event, KernelState

_PROGRAM = 3  # words of a command line: an interpreter, -m and the module
_STOPPED = ("T", "t")  # by a signal, by a debugger
_SIGINT = 1 << (signal.SIGINT - 1)
_LEAVING = ("xpython",)
"""Beginnings of program names whose SIGINT handler always ends the process: xeus-python."""


class WouldEndKernel(ActionRefused):
    """An interrupt was not sent because it would end the kernel."""


@frozen
class Reaction:
    """How a kernel's process reacts to an interrupt; False if unknown."""

    by_message: bool
    """It gets a message on control and not a signal."""
    is_stopped: bool = False
    ignores: bool = False
    """SIGINT is ignored. An ipykernel does that, too, while it runs nothing."""
    blocks: bool = False
    catches: bool = False
    """SIGINT has a handler of its own."""
    would_end: bool = False
    """SIGINT ends the process: it has no handler, or one that is known to exit."""

    @property
    def is_fatal(self) -> bool:
        return self.would_end and not self.by_message


def parse_reaction(status: str, command: Sequence[str] = (), *, by_message: bool) -> Reaction:
    """Parse the text of /proc/PID/status, see proc(5), together with the command line."""
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    ignored, caught, blocked = (_has_sigint(fields, name) for name in ("Ign", "Cgt", "Blk"))
    return Reaction(
        by_message,
        is_stopped=fields.get("State", "").startswith(_STOPPED),
        ignores=ignored,
        blocks=blocked,
        catches=caught,
        would_end=("SigCgt" in fields and not ignored and not caught)
        or any(PurePath(each).name.startswith(_LEAVING) for each in command[:_PROGRAM]),
    )


def _has_sigint(fields: dict[str, str], name: str) -> bool:
    return bool(int(fields.get(f"Sig{name}", "0"), 16) & _SIGINT)


def read_reaction(pid: int | None, *, by_message: bool) -> Reaction:
    """Look at a process; nothing is known if there is no /proc, or the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return Reaction(by_message)
    return parse_reaction(status, command.split("\0"), by_message=by_message)


def is_by_message(kind: Kind, manager: KernelManager | None) -> bool:
    """Tell whether a kernel is interrupted by a message, as far as its kernelspec tells.

    A kernel that another program started gets a message first, and SIGINT only if it handles that.
    """
    if kind in (Kind.EXTERNAL, Kind.NO_VISIBLE_PROCESS):
        return True
    try:
        return manager is not None and manager.kernel_spec.interrupt_mode == "message"
    except KernelError:
        return False


# -- in words ----


def warning(reaction: Reaction) -> str:
    """Return a warning before a kernel is interrupted; "" if none is needed."""
    stopped = "it is stopped: it is continued first, and then pending signals take effect"
    ends = "it does not survive SIGINT: an interrupt would end it"
    said = ((stopped, reaction.is_stopped), (ends, reaction.is_fatal))
    return "; ".join(sentence for sentence, is_true in said if is_true)


def without_effect(name: str, reaction: Reaction, rung: Rung) -> str:
    """Return a sentence on an interrupt without visible effect, with the reason."""
    after = f"{name} is still busy {PATIENCE:.0f} s after {rung}"
    if reaction.ignores or reaction.blocks:
        does = "ignores" if reaction.ignores else "blocks"
        return f"{after}: its process {does} SIGINT"
    return f"{after}: native code notices it only when it returns"


# -- what is seen ----


def describe_effect(name: str, reaction: Reaction, life: Lifecycle, attempt: Attempt | None) -> str:
    """Return a sentence on the effect of an interrupt; "" if nothing ran.

    Blocks for up to PATIENCE seconds.
    """
    if attempt is None:
        return ""
    if not _has_ended(life, attempt.request):
        return without_effect(name, reaction, attempt.rung)
    state = life.status.state
    does = "runs what came next" if state is KernelState.BUSY else f"is {state}"
    return f"{name} {does} {time.monotonic() - attempt.at:.1f} s after {attempt.rung}"


def ask_for_effect(name: str, reaction: Reaction, rung: Rung, manager: KernelManager) -> str:
    """Return a sentence on the effect of an interrupt, for a kernel that is not heard on iopub.

    It is asked on shell, and replies when it is free. Blocks for up to PATIENCE seconds.
    """
    if not manager.shell_port:
        return ""
    client = manager.client()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        client.kernel_info(reply=True, timeout=PATIENCE)
    except KernelTimeout:
        return without_effect(name, reaction, rung)
    except KernelDied:
        return f"{name} has ended after the interrupt"
    finally:
        client.stop_channels()
    return ""


def _has_ended(life: Lifecycle, running: str) -> bool:
    """Tell whether the request `running` ends within PATIENCE seconds."""
    changed = threading.Event()

    def on_event(_event: Event) -> None:
        if life.status.running != running:
            changed.set()

    life.add_listener(on_event)
    try:
        return life.status.running != running or changed.wait(PATIENCE)
    finally:
        life.remove_listener(on_event)
