"""The texts of questions before something is ended, and of advice. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.model.capabilities import ALL_LOST, LOGS_LOST, Wording
from kerneltui.fleet.model.classification import Kind
from kerneltui.formats import memory, short_id
from kerneltui.protocol.text import clean_line
from kerneltui.tui.dialogs.confirm import Question
from kerneltui.tui.table.conditions import word_and_age
from kerneltui.words import counted

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

LOSSES_WIDTH = 160  # characters


def identify(kernel: KernelSnapshot) -> str:
    """Return one line that identifies the kernel and its process."""
    is_told = kernel.kind is not Kind.REMOTE_SERVER
    told = (
        kernel.name,
        short_id(kernel.own_id),
        f"pid {kernel.pid}" if kernel.pid else "no process" if is_told else "",
        f"on {kernel.engine}" if kernel.engine else "",
        f"of {kernel.whose}" if kernel.whose else "",
    )
    return clean_line("  ".join(filter(None, told)))


def describe(kernel: KernelSnapshot, now: float) -> Iterator[str]:
    """Yield a line that identifies the kernel, and one about what would be lost with it."""
    yield identify(kernel)
    yield clean_line(f"  {', '.join(_losses(kernel, now))}", LOSSES_WIDTH)


def _losses(kernel: KernelSnapshot, now: float) -> Iterator[str]:
    usage = kernel.usage
    yield word_and_age(kernel.condition, now)
    if usage is not None:
        yield memory(usage.rss)
        if usage.processes > 1:
            yield counted(usage.processes - 1, "child", "children")
    if kernel.notebook:
        yield kernel.notebook
    if kernel.code:
        yield f"runs {kernel.code}"


def _lines(kernels: Sequence[KernelSnapshot], now: float) -> tuple[str, ...]:
    return tuple(line for kernel in kernels for line in describe(kernel, now))


def ask(
    wording: Wording, kernels: Sequence[KernelSnapshot], now: float, left_out: int = 0
) -> Question:
    """Return the question about `kernels`; `left_out`: how many marked ones do not allow it."""
    which = "this kernel" if len(kernels) == 1 else counted(len(kernels), "kernel")
    left = f"Left out: {left_out} marked, whose state does not allow it." if left_out else ""
    return Question(
        wording.title.format(which=which),
        wording.yes,
        _lines(kernels, now),
        "\n".join(filter(None, (wording.note, left))),
        wording.danger,
        rest=wording.rest,
    )


def kill_process(line: str) -> Question:
    note = "SIGKILL to this process alone; its kernel lives on."
    return Question("Kill this process?", "Kill", (line,), note, danger=True)


def shutdown_all(kernels: Sequence[KernelSnapshot], now: float) -> Question:
    any_dead = any(each.target.was_dead for each in kernels)
    return Question(
        f"Shut down {counted(len(kernels), 'kernel')}?",
        "Shut down all",
        _lines(kernels, now),
        f"{ALL_LOST}\n{LOGS_LOST}" if any_dead else ALL_LOST,
        danger=True,
        expected=str(len(kernels)),
    )


def quit_and_shutdown(kernels: Sequence[KernelSnapshot], now: float) -> Question:
    return Question(
        f"Shut down {counted(len(kernels), 'kernel')} and quit?",
        "Shut down and quit",
        _lines(kernels, now),
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
    """Return what to do if no kernelspec was found in `folders`."""
    return "\n".join(
        (
            "No kernelspec was found, so there is nothing to start.",
            "For Python:  pip install ipykernel",
            clean_line("Searched: " + ", ".join(folders), limit=1000),
        )
    )
