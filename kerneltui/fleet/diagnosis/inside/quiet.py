"""Runs inside a kernel before a look, so that the running cell notices nothing.

A request in a subshell shares some state with a running cell: which client may be asked for input,
where the output of threads goes, what the pager shows, and the callbacks that draw its plots. All
of that is given back to the cell here, in the thread of the request, before the request is over.
"""

from __future__ import annotations

import contextlib
import linecache
import sys
import threading
from collections.abc import Callable
from typing import Any

from kerneltui.fleet.diagnosis.inside.stacks import calls, shell_of


def begin() -> None:
    """Take all steps; a step that this version of ipykernel does not allow is left out."""
    shell = shell_of()
    for step in (_forget_this_cell, _mute_callbacks, _keep_payload, _give_back_the_request):
        with contextlib.suppress(Exception):
            step(shell)


def _forget_this_cell(shell: Any) -> None:
    """Forget the code of the request, which ipykernel took for a cell."""
    names = shell.compile._filename_map
    files = (each.f_code.co_filename for each in calls(sys._getframe()))
    file = next(each for each in files if each in names)
    del names[file]
    linecache.cache.pop(file, None)


def _mute_callbacks(shell: Any) -> None:
    """Keep callbacks that run after each cell from running now: they would close open plots."""
    callbacks, ours = shell.events.callbacks, threading.get_ident()
    kept = callbacks["post_execute"]

    def guarded(call: Callable[[], object]) -> Callable[[], object]:
        return lambda: None if threading.get_ident() == ours else call()

    def give_back() -> None:
        if threading.get_ident() == ours and callbacks["post_execute"] is muted:
            kept.extend(muted[len(kept) + 1 :])  # registered meanwhile
            callbacks["post_execute"] = kept

    muted = [*map(guarded, kept), give_back]
    callbacks["post_execute"] = muted


def _keep_payload(shell: Any) -> None:
    """Leave the payload to the reply of the cell; the reply to the request has none."""
    manager, ours = shell.payload_manager, threading.get_ident()
    patched = vars(manager)

    def read_payload() -> Any:
        return [] if threading.get_ident() == ours else type(manager).read_payload(manager)

    def clear_payload() -> None:
        if threading.get_ident() == ours:
            patched.pop("read_payload", None)
            patched.pop("clear_payload", None)
        else:
            type(manager).clear_payload(manager)

    patched.update(read_payload=read_payload, clear_payload=clear_payload)


def _give_back_the_request(shell: Any) -> None:
    """Make the main thread's request the current one again: its client is asked for input."""
    frames = calls(sys._current_frames()[threading.main_thread().ident or 0])
    running = [each for each in frames if each.f_code.co_name == "execute_request"]
    if not running or threading.current_thread() is threading.main_thread():
        return
    parent = running[0].f_locals["parent"]
    shell.kernel._allow_stdin = parent["content"].get("allow_stdin", False) is True
    header = sys.modules["jupyter_client.session"].extract_header(parent)
    shell._parent_header_global = parent
    outputs: tuple[Any, ...] = (sys.stdout, sys.stderr, shell.displayhook, shell.display_pub)
    for each in outputs:
        each._parent_header_global = header
