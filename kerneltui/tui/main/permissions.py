"""Whether an action can be done now. Decides only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerneltui.tui.keys.actions import Action, Scope, refusal, refusal_of_all

if TYPE_CHECKING:
    from kerneltui.tui.main.kernel_screen import KernelScreen


def why_not_now(action: Action, screen: KernelScreen, read_only: str) -> str:
    """Return why the action cannot be done now; "" when it can.

    `read_only`: what is said where nothing may be asked of kernels.
    """
    if awaits_fleet(action, screen):
        return "the kernels are not known yet"
    if action.changes and screen.locked:
        return read_only
    if action.id == "kernel.shutdown_all" and not any(each.is_ours for each in screen.snapshots):
        return "there is no kernel of kerneltui's to shut down"
    if action.bulk and screen.marked:
        return refusal_of_all(action, screen.marked)
    return refusal(action, screen.selected)


def awaits_fleet(action: Action, screen: KernelScreen) -> bool:
    """Tell whether the action is about kernels, and they are not known yet."""
    return screen.fleet is None and action.scope is Scope.TABLE
