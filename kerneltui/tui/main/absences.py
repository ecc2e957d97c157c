"""Why a tab has nothing to show of a kernel of another machine. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.tui.widgets.tab_bar import Tab

if TYPE_CHECKING:
    from kerneltui.fleet.model.snapshot import KernelSnapshot

_ONCE_CONNECTED = {
    Tab.OUTPUT: "its output is shown",
    Tab.MESSAGES: "its messages are shown",
    Tab.STACK: "its stack and its variables can be looked at",
}
_LOOKED_UP = (Tab.INFO, Tab.PROCESSES, Tab.LOG, Tab.STACK)
_NEVER_TOLD = {
    Tab.PROCESSES: "A Jupyter server tells nothing about the processes of its kernels.",
    Tab.LOG: "What its process writes to stdout and stderr stays with its Jupyter server.",
}


def absence(tab: Tab, kernel: KernelSnapshot | None, connect_key: str) -> str:
    """Return the sentence to show in place of a tab's content; "" if there is content."""
    if kernel is None:
        return ""
    if not kernel.is_heard and tab in _LOOKED_UP:
        return f"Nothing is heard from {kernel.engine}, so nothing can be looked up there."
    if kernel.kind is not Kind.REMOTE_SERVER:
        return ""
    if tab in _NEVER_TOLD:
        return _NEVER_TOLD[tab]
    if tab in _ONCE_CONNECTED and Verb.CONNECT in kernel.allowed:
        return f"Not connected to this kernel. {connect_key} connects: then {_ONCE_CONNECTED[tab]}."
    return ""
