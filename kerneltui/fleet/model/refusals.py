"""Why a kernel does not allow a verb now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerneltui.fleet.model.capabilities import ALLOWED, VERBS, Verb, why_not

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot


def why_refused(kernel: KernelSnapshot, verb: Verb) -> str:
    """Return why `verb` cannot be asked of a kernel now; "" if it can."""
    if verb in kernel.allowed:
        return ""
    return why_not(kernel.kind, verb) or _why_not_now(kernel, verb)


def _why_not_now(kernel: KernelSnapshot, verb: Verb) -> str:
    if not kernel.is_heard:
        return f"nothing is heard from {kernel.engine}"
    is_of_this_state = verb in ALLOWED[kernel.state]
    return (VERBS[verb].otherwise if is_of_this_state else "") or f"it is {kernel.state}"
