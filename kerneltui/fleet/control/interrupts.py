"""Interrupts: what speaks against one before it is sent, and what to say where it has no effect.

Rule: what decides is pure, over facts of the process. Front ends and `Fleet` say the same.
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
"""How the programs begin whose own handler for SIGINT ends them, whatever they run: xeus-python."""


class WouldEndKernel(ActionRefused):
    """An interrupt was not sent, as it would end the kernel."""


@frozen
class Reaction:
    """What a kernel's process does with an interrupt; False if unknown."""

    by_message: bool
    """It is asked by a message on control, and sent no signal."""
    is_stopped: bool = False
    ignores: bool = False
    """SIGINT is ignored. An ipykernel does that as well, as long as it runs nothing."""
    blocks: bool = False
    catches: bool = False
    """SIGINT has a handler of its own."""
    would_end: bool = False
    """SIGINT ends the process: nothing handles it, or what does is known to leave."""

    @property
    def is_fatal(self) -> bool:
        return self.would_end and not self.by_message


def parse_reaction(status: str, command: Sequence[str] = (), *, by_message: bool) -> Reaction:
    """Return what the text of /proc/PID/status tells, and the command line. See proc(5)."""
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
    """Look at a process; nothing is known where there is no /proc, or no process any more."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return Reaction(by_message)
    return parse_reaction(status, command.split("\0"), by_message=by_message)


def is_by_message(kind: Kind, manager: KernelManager | None) -> bool:
    """Tell whether an interrupt of such a kernel is a message, as far as its kernelspec tells.

    One that something else started gets a message first, and a signal only if it takes one.
    """
    if kind in (Kind.EXTERNAL, Kind.NO_VISIBLE_PROCESS):
        return True
    try:
        return manager is not None and manager.kernel_spec.interrupt_mode == "message"
    except KernelError:
        return False


# -- in words ----


def warning(reaction: Reaction) -> str:
    """Return what should be known of a kernel before it is interrupted; "" if nothing."""
    stopped = "it is stopped: it is continued first, and what waits for it takes effect"
    ends = "it does not survive SIGINT: an interrupt would end it"
    said = ((stopped, reaction.is_stopped), (ends, reaction.is_fatal))
    return "; ".join(sentence for sentence, is_true in said if is_true)


def without_effect(name: str, reaction: Reaction, rung: Rung) -> str:
    """Return what was sent and is not seen to work, and why."""
    after = f"{name} is still busy {PATIENCE:.0f} s after {rung}"
    if reaction.ignores or reaction.blocks:
        does = "ignores" if reaction.ignores else "blocks"
        return f"{after}: its process {does} SIGINT"
    return f"{after}: native code takes note of it only when it returns"


# -- what is seen ----


def describe_effect(name: str, reaction: Reaction, life: Lifecycle, attempt: Attempt | None) -> str:
    """Return what has come of an interrupt; "" if nothing ran.

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
    """Return what is to be said of an interrupt to a kernel that has not been heard.

    It is asked on the shell, where it answers once it is free. Blocks for up to PATIENCE seconds.
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
