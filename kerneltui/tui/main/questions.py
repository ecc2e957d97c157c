"""What is asked before something ends, and what is advised, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.model.capabilities import ALL_LOST, LOGS_LOST, Wording
from kerneltui.formats import short_id
from kerneltui.protocol.text import clean_line
from kerneltui.tui.dialogs.confirm import Question
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import Target


def _counted(targets: Sequence[Target]) -> str:
    return counted(len(targets), "kernel")


def describe(target: Target) -> str:
    """Return one line that names the very process which `target` means."""
    pid = f"pid {target.identity.pid}" if target.identity else "no process"
    whose = f"  of {target.whose}" if target.whose else ""
    return clean_line(f"{target.name}  {short_id(target.kernel_id)}  {pid}{whose}")


def ask(wording: Wording, targets: Sequence[Target], left_out: int = 0) -> Question:
    """Return the question about `targets`; `left_out`: how many marked kernels do not allow it."""
    which = "this kernel" if len(targets) == 1 else _counted(targets)
    left = f"Left out: {left_out} marked, whose state does not allow it." if left_out else ""
    return Question(
        wording.title.format(which=which),
        wording.yes,
        tuple(describe(target) for target in targets),
        "\n".join(filter(None, (wording.note, left))),
        wording.danger,
    )


def kill_process(line: str) -> Question:
    note = "SIGKILL to this process alone; its kernel lives on."
    return Question("Kill this process?", "Kill", (line,), note, danger=True)


def shutdown_all(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)}?",
        "Shut down all",
        tuple(describe(target) for target in targets),
        f"{ALL_LOST}\n{LOGS_LOST}" if any(each.was_dead for each in targets) else ALL_LOST,
        danger=True,
        expected=str(len(targets)),
    )


def quit_and_shutdown(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)} and quit?",
        "Shut down and quit",
        tuple(describe(target) for target in targets),
        f"{ALL_LOST} A plain quit leaves them running.",
        danger=True,
    )


def unlock() -> Question:
    return Question(
        "Unlock the keys that change kernels?",
        "Unlock",
        (),
        "The dashboard was locked so that kernels are only watched.",
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
