"""Fork a kernel from a template of its interpreter, if there is one; else spawn it."""

from __future__ import annotations

import inspect
import logging
import os
import subprocess
import time
from contextlib import ExitStack
from typing import Any

from kerneltui.kernels.management.spawn import Spawn, SpawnOrder, spawn_child
from kerneltui.kernels.processes.conditions import own_umask
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.pool import template_pool
from kerneltui.kernels.templates.recognition import NoTemplate, recognise

FORK_TIME = 5.0  # seconds for a template to answer; a fork takes some milliseconds
_WITHOUT_PIPES = {"bufsize", "encoding", "errors", "pipesize", "text", "universal_newlines"}
"""Arguments of Popen that change nothing unless it makes a pipe."""

_log = logging.getLogger("kerneltui")


def spawn_forked(order: SpawnOrder) -> KernelProcess:
    """Fork a kernel from a template in this process's care; see `Spawn`.

    The first of its kind is spawned, and has the template for the next ones started.
    """
    try:
        process = _fork(order)
    except OSError as error:
        process = NoTemplate(str(error.strerror or error))
    if not isinstance(process, NoTemplate):
        return process
    _log.debug("a kernel is spawned, not forked: %s", process.reason)
    return spawn_child(order)


LAUNCHERS: dict[str, Spawn] = {"spawn": spawn_child, "template": spawn_forked}
"""How a manager starts processes, by the name of its `launcher`."""


def launcher_named(name: str) -> Spawn:
    """Return an entry of LAUNCHERS. Raises ValueError."""
    if name not in LAUNCHERS:
        raise ValueError(f"no launcher {name!r}; known: {', '.join(LAUNCHERS)}")
    return LAUNCHERS[name]


def _fork(order: SpawnOrder) -> ForkedProcess | NoTemplate:
    unusual = _unusual_arguments(order)
    if unusual:
        return NoTemplate(f"its launch asks for {', '.join(unusual)}")
    cwd = None if order.cwd is None else os.fsdecode(order.cwd)
    key = recognise(order.argv, order.env, cwd)
    if isinstance(key, NoTemplate):
        return key
    umask = order.popen_kwargs.get("umask", -1)
    with ExitStack() as stack:
        fds = _descriptors(order, stack)
        if any(map(os.isatty, fds)):
            return NoTemplate("it uses a terminal")
        deadline = time.monotonic() + FORK_TIME
        mask = own_umask() if umask < 0 else umask
        fork = ForkOrder(order.argv, order.env, cwd, mask, deadline)
        return template_pool().fork(key, fork, fds)


def _unusual_arguments(order: SpawnOrder) -> list[str]:
    """Return the names of the arguments that only Popen can honour."""
    defaults = inspect.signature(subprocess.Popen).parameters
    unusual = [
        name
        for name, value in order.popen_kwargs.items()
        if name not in _WITHOUT_PIPES | {"umask"} and value != defaults[name].default
    ]
    return unusual + [name for name, each in order.streams.items() if each == subprocess.PIPE]


def _descriptors(order: SpawnOrder, stack: ExitStack) -> tuple[int, int, int]:
    """Return stdin, stdout and stderr; `stack` closes those that are opened here."""

    def descriptor(stream: Any, inherited: int | None) -> int:
        if stream == subprocess.DEVNULL or (stream is None and inherited is None):
            return stack.enter_context(open(os.devnull, "r+b", buffering=0)).fileno()  # noqa: PTH123
        if stream is None and inherited is not None:
            return inherited
        return stream if isinstance(stream, int) else int(stream.fileno())

    stdin = descriptor(order.streams.get("stdin"), None)
    stdout = descriptor(order.streams.get("stdout"), 1)
    stderr = order.streams.get("stderr")
    return stdin, stdout, stdout if stderr == subprocess.STDOUT else descriptor(stderr, 2)
