"""What is asked before something ends, and what is advised, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.formats import short_id
from kerneltui.protocol.text import clean_line
from kerneltui.tui.dialogs.confirm import Question

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import Target


def _counted(targets: Sequence[Target]) -> str:
    return "1 kernel" if len(targets) == 1 else f"{len(targets)} kernels"


def describe(target: Target) -> str:
    """Return one line that names the very process which `target` means."""
    pid = f"pid {target.identity.pid}" if target.identity else "no process"
    whose = f"  of {target.whose}" if target.whose else ""
    return clean_line(f"{target.name}  {short_id(target.kernel_id)}  {pid}{whose}")


def _which(targets: Sequence[Target]) -> str:
    return "this kernel" if len(targets) == 1 else _counted(targets)


def _lost(targets: Sequence[Target]) -> str:
    return f"{'Its' if len(targets) == 1 else 'Their'} variables are lost."


def _removed(targets: Sequence[Target]) -> str:
    dead = sum(target.was_dead for target in targets)
    if not dead:
        return ""
    what = "log of the dead one" if dead == 1 else f"logs of the {dead} dead ones"
    return f"\nOutput and {what} are removed."


def _question(
    title: str,
    yes: str,
    targets: Sequence[Target],
    note: str,
    left_out: int,
    *,
    danger: bool = False,
) -> Question:
    """`left_out`: how many marked kernels do not allow it now."""
    if left_out:
        note = f"{note}\nLeft out: {left_out} marked, whose state does not allow it.".strip()
    return Question(title, yes, tuple(describe(target) for target in targets), note, danger)


def interrupt(targets: Sequence[Target], left_out: int = 0, *, warning: str = "") -> Question:
    return _question(f"Interrupt {_which(targets)}?", "Interrupt", targets, warning, left_out)


def restart(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(f"Restart {_which(targets)}?", "Restart", targets, _lost(targets), left_out)


def restart_now(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(
        f"Kill and restart {_which(targets)}?",
        "Force restart",
        targets,
        f"There is no chance to save anything. {_lost(targets)}",
        left_out,
        danger=True,
    )


def shutdown(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(
        f"Shut down {_which(targets)}?",
        "Shut down",
        targets,
        f"{_lost(targets)} Processes that left the group live on.{_removed(targets)}",
        left_out,
    )


def forget(targets: Sequence[Target], left_out: int = 0) -> Question:
    is_one = len(targets) == 1
    return _question(
        "Forget this dead kernel?" if is_one else f"Forget {len(targets)} dead kernels?",
        "Forget",
        targets,
        "Its output and log are removed." if is_one else "Their output and logs are removed.",
        left_out,
    )


def remove(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(
        f"Remove what is left of {_which(targets)}?",
        "Remove",
        targets,
        "Nobody has these files; it is looked once more before they go.",
        left_out,
    )


def kill(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(
        f"Kill {_which(targets)}?",
        "Kill",
        targets,
        "SIGKILL to all the processes: nothing is saved.",
        left_out,
        danger=True,
    )


def verify(targets: Sequence[Target], left_out: int = 0) -> Question:
    return _question(
        f"Ask {_which(targets)} for an answer?",
        "Ask",
        targets,
        "A Jupyter server takes note of it: a starting kernel becomes idle there, and a busy one's "
        "last activity moves.",
        left_out,
    )


def shutdown_all(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)}?",
        "Shut down all",
        tuple(describe(target) for target in targets),
        f"Their variables are lost.{_removed(targets)}",
        danger=True,
        expected=str(len(targets)),
    )


def quit_and_shutdown(targets: Sequence[Target]) -> Question:
    return Question(
        f"Shut down {_counted(targets)} and quit?",
        "Shut down and quit",
        tuple(describe(target) for target in targets),
        "Their variables are lost. A plain quit leaves them running.",
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
