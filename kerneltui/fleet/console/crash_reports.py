"""CrashReports: has a Python kernel that we have launched write to its log where it crashes.

Its faulthandler is on from the first, by its environment, but ipykernel then puts a pipe in place
of its stderr, and what is in a pipe ends with the process.
"""

from __future__ import annotations

from collections.abc import Callable

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content, execute_content

IMPLEMENTATION = "ipython"
CODE = (
    '(__import__("faulthandler").is_enabled() and __import__("faulthandler").enable('
    'getattr(__import__("sys").stderr, "_original_stdstream_copy", 2))) or None'
)
"""Leaves no name, no history and no number behind; where the user wants none there are none."""


class CrashReports:
    """One kernel's. Used by one thread."""

    def __init__(self, manager: KernelManager, run: Callable[[Content], None]) -> None:
        """`run`: sends an execute_request to the main shell."""
        self._manager = manager
        self._run = run
        self._asked_of = 0
        """The number of the process that was asked for them."""

    def ask_for(self, info: Content) -> None:
        """Ask a new process for them, once it has told who it is."""
        spawns = self._manager.spawns
        is_new = self._manager.status.launched and self._asked_of != spawns
        if is_new and fields.text(info, "implementation") == IMPLEMENTATION:
            self._asked_of = spawns
            self._run(execute_content(CODE, silent=True, store_history=False, allow_stdin=False))
