"""Looks into a kernel for the Stack tab: at its stack, its variables or one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kerneltui.errors import KernelError
from kerneltui.frozen import frozen

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.stack import Frame, Stack
    from kerneltui.fleet.diagnosis.variable import Variable


class Diagnosing(Protocol):
    """The methods of the fleet that look into kernels. They block, and raise KernelError."""

    def stack(self, kernel_id: str) -> Stack: ...

    def variables(self, kernel_id: str) -> tuple[Variable, ...]: ...

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]: ...


@frozen
class Looked:
    """The result of a look: a stack, or variables, or why there is neither."""

    stack: Stack | None = None
    variables: tuple[Variable, ...] | None = None
    problem: str = ""


def look_into(fleet: Diagnosing, kernel_id: str, *, variables: bool) -> Looked:
    """Look at a kernel's stack, or at its variables. Blocking."""
    try:
        if variables:
            return Looked(variables=fleet.variables(kernel_id))
        return Looked(stack=fleet.stack(kernel_id))
    except KernelError as error:
        return Looked(problem=str(error))


def look_at_frame(
    fleet: Diagnosing, kernel_id: str, thread: int | None, depth: int, frame: Frame
) -> Looked:
    """Look at the names of one frame. Blocking."""
    if thread is None:
        return Looked(problem="the way that took this stack cannot read names")
    try:
        return Looked(variables=fleet.frame_names(kernel_id, thread, depth, frame))
    except KernelError as error:
        return Looked(problem=str(error))
