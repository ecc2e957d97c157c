"""The lines that are printed after the dashboard has quit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line
from kerneltui.tui.main.app_actions import left_running

if TYPE_CHECKING:
    from kerneltui.fleet.console.prompt import Prompt
    from kerneltui.fleet.model.snapshot import KernelSnapshot

WIDTH = 500  # characters of a line
ASKED_AGAIN = "the next kerneltui asks it again"
GIVEN_UP = "only an interrupt ends it"


def farewell(kernels: Sequence[KernelSnapshot], prompts: Mapping[str, Prompt]) -> list[str]:
    """Return lines about our kernels that live on, and about questions without an answer.

    `prompts`: by kernel id.
    """
    running = [
        f"  {each.name}  {each.connection_file}" + (f"  on {each.engine}" if each.engine else "")
        for each in left_running(kernels)
    ]
    asked = [
        f"  {each.name}  {prompts[each.kernel_id].text.strip() or 'input'}"
        f"  ({ASKED_AGAIN if each.is_ours else GIVEN_UP})"
        for each in kernels
        if each.kernel_id in prompts and each.state is not KernelState.DEAD
    ]
    lines = _titled("kernels that go on running:", running)
    return [*lines, *_titled("questions that are abandoned:", asked)]


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [title, *(clean_line(line, WIDTH) for line in lines)] if lines else []
