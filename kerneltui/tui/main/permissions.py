"""Whether an action can be done now. Decides only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.fleet.model.refusals import why_refused
from kerneltui.tui.keys.action import Action, Scope

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot
    from kerneltui.tui.main.kernel_screen import KernelScreen


def why_not_now(action: Action, screen: KernelScreen, read_only: str) -> str:
    """Return why the action cannot be done now; "" when it can.

    `read_only`: the reason to return while nothing may be asked of kernels.
    """
    if awaits_fleet(action, screen):
        return "the kernels are not known yet"
    if action.changes and screen.locked:
        return read_only
    if action.changes and screen.awaited:  # what is typed is meant for the console that will open
        return f"{screen.awaited} is being connected to: until then nothing is done to others"
    if action.id == "kernel.shutdown_all" and not any(
        each.is_ours and each.is_heard for each in screen.snapshots
    ):
        return "there is no kernel of kerneltui's to shut down"
    if action.id == "app.disconnect" and not (screen.fleet and screen.fleet.engines):
        return "no server and no host is connected"
    if action.bulk and screen.marked:
        return refusal_of_all(action, screen.marked)
    return refusal(action, screen.selected)


def awaits_fleet(action: Action, screen: KernelScreen) -> bool:
    """Tell whether the action is about kernels, and they are not known yet."""
    is_about_kernels = action.scope is Scope.TABLE or action.id in ("app.connect", "app.disconnect")
    return screen.fleet is None and is_about_kernels


def refusal(action: Action, snapshot: KernelSnapshot | None) -> str:
    """Return why `action` cannot be asked of the selected kernel; empty when it can."""
    if action.verb is None:
        return ""
    if snapshot is None:
        return "no kernel is selected"
    why = why_refused(snapshot, action.verb)
    return f"cannot {action.verb} {snapshot.name}: {why}" if why else ""


def refusal_of_all(action: Action, kernels: Sequence[KernelSnapshot]) -> str:
    """Return why none of `kernels` allows `action`; empty if one of them does."""
    refusals = [refusal(action, kernel) for kernel in kernels]
    if "" in refusals:
        return ""
    return refusals[0] + (f"; and {len(refusals) - 1} more" if len(refusals) > 1 else "")
