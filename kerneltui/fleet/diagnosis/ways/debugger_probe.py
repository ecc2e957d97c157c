"""Reads a stack from a kernel's debugger, if a front end has switched it on already.

The debugger is not switched on here: that needs the main shell, so on a busy kernel it would block
the control channel until the code is over, and it leaves a name behind.
"""

from __future__ import annotations

import itertools
import time

from kerneltui.errors import KernelError
from kerneltui.fleet.diagnosis.stack import MAIN, Frame, StackThread, clean_frame, main_first
from kerneltui.fleet.diagnosis.ways.choice import CannotLook, Found
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content
from kerneltui.protocol.text import clean_line

PATIENCE = 0.5  # seconds for an answer
STACK_PATIENCE = 2.0  # seconds: a debugger waits a while for a running thread to stop by itself
THREADS = 100
_ANY = range(1 << 40)


def look_by_debugger(manager: KernelManager) -> Found:
    """Ask the debugger for the main thread's frames; the code goes on. Raises CannotLook."""
    debugger = _Debugger(manager)
    if not fields.flag(debugger.ask("debugInfo", {}, PATIENCE), "isStarted"):
        raise CannotLook("no front end has switched its debugger on, and that would disturb it")
    found = fields.items(debugger.ask("threads", {}, PATIENCE), "threads")[:THREADS]
    threads = [_thread(debugger, each) for each in found if isinstance(each, dict)]
    if not any(each.main for each in threads):
        raise CannotLook("its debugger does not tell the main thread")
    return Found(main_first(threads), ("the debugger tells the frames of the main thread only",))


class _Debugger:
    def __init__(self, manager: KernelManager) -> None:
        self._manager = manager
        self._numbers = itertools.count(1)

    def ask(self, command: str, arguments: Content, patience: float) -> Content:
        """Return the body of the reply. Raises CannotLook."""
        content = {
            "type": "request",
            "seq": next(self._numbers),
            "command": command,
            "arguments": arguments,
        }
        begun = time.monotonic()
        try:
            with self._manager.control_request("debug_request", content) as request:
                reply = request.reply(patience)
        except KernelError as error:
            raise CannotLook(str(error)) from None
        if reply is None:
            raise CannotLook(f"no answer within {time.monotonic() - begun:.1f} s")
        if not fields.flag(reply["content"], "success"):
            raise CannotLook("it has no debugger")
        return fields.mapping(reply["content"], "body")


def _thread(debugger: _Debugger, told: fields.Fields) -> StackThread:
    name = fields.text(told, "name")
    is_main = name == MAIN
    frames: list[object] = []
    if is_main:
        arguments = {"threadId": fields.whole(told, "id", within=_ANY)}
        body = debugger.ask("stackTrace", arguments, STACK_PATIENCE)
        frames = fields.items(body, "stackFrames")
    return StackThread(
        name=clean_line(name),
        main=is_main,
        frames=tuple(_frame(each) for each in frames if isinstance(each, dict)),
    )


def _frame(told: fields.Fields) -> Frame:
    return clean_frame(
        Frame(
            file=fields.text(fields.mapping(told, "source"), "path"),
            line=fields.whole(told, "line", within=_ANY) or None,
            function=fields.text(told, "name"),
        )
    )
