"""What is asked before something ends, and what is advised, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.protocol.text import clean_line
from kerneltui.tui.formats import short_id
from kerneltui.tui.screens.confirm import Question

if TYPE_CHECKING:
    from kerneltui.fleet.snapshot import Target


def _counted(targets: Sequence[Target]) -> str:
    return "1 kernel" if len(targets) == 1 else f"{len(targets)} kernels"


def describe(target: Target) -> str:
    """Return one line that names the very process which `target` means."""
    pid = f"pid {target.identity.pid}" if target.identity else "no process"
    return clean_line(f"{target.name}  {short_id(target.kernel_id)}  {pid}")


def restart(target: Target) -> Question:
    return Question(
        "Restart this kernel?", "Restart", (describe(target),), "Its variables are lost."
    )


def restart_now(target: Target) -> Question:
    return Question(
        "Kill and restart this kernel?",
        "Force restart",
        (describe(target),),
        "It gets no chance to save anything. Its variables are lost.",
        danger=True,
    )


def shutdown(target: Target) -> Question:
    return Question(
        "Shut down this kernel?",
        "Shut down",
        (describe(target),),
        "Its variables are lost. Processes that left its group live on.",
    )


def kill(target: Target) -> Question:
    return Question(
        "Kill this kernel?",
        "Kill",
        (describe(target),),
        "SIGKILL to it and to all its processes: nothing is saved.",
        danger=True,
    )


def shutdown_all(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)}?",
        "Shut down all",
        tuple(describe(target) for target in targets),
        "Their variables are lost.",
        danger=True,
        expected=str(len(targets)),
    )


def quit_and_shutdown(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)} and quit?",
        "Shut down and quit",
        tuple(describe(target) for target in targets),
        "Their variables are lost. q quits and leaves them running.",
        danger=True,
    )


def nothing_to_start(folders: Sequence[str]) -> str:
    """Return what to do where no kernelspec was found in `folders`."""
    return "\n".join(
        (
            "No kernelspec was found, so there is nothing to start.",
            "For Python:  pip install ipykernel",
            clean_line("Searched: " + ", ".join(folders), limit=1000),
        )
    )
