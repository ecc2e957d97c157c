"""Origin: which program started a kernel, by its file's name and its parent process."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import PurePath

from kerneltui.frozen import frozen

INIT = 1  # pid of the process that adopts orphans
_INITS = frozenset({"init", "launchd", "systemd"})  # a session's own init adopts orphans too


class Origin(StrEnum):
    """The program that started a kernel."""

    KERNELTUI = "kerneltui"
    SERVER = "server"
    VSCODE = "vscode"
    SPYDER = "spyder"
    POSITRON = "positron"
    CONSOLE = "console"
    ORPHAN = "orphan"
    UNKNOWN = "unknown"


@frozen
class Parent:
    """The process that a kernel is a child of."""

    pid: int
    name: str = ""
    """The name of its program, as the system tells it."""
    command: str = ""
    """Its arguments, joined by spaces."""
    is_server: bool = False
    """It is a Jupyter server."""


_BY_FILE = (
    (re.compile(r"kernel-v\d[0-9a-f]{20,}"), Origin.VSCODE),
    (re.compile(r"(connection|registration)_.+"), Origin.POSITRON),
    (re.compile(r"kernel-(?!\d{12})[0-9a-f]{12}"), Origin.SPYDER),
)
_BY_COMMAND = (
    (re.compile(r"\bkcserver\b|\bpositron\b"), Origin.POSITRON),
    (re.compile(r"\bspyder\b"), Origin.SPYDER),
    (re.compile(r"jupyter[-_ ]console|jupyter[-_ ]qtconsole|ipython3? console"), Origin.CONSOLE),
    (re.compile(r"\.vscode|vscode-server|/code\b"), Origin.VSCODE),
)


_SERVER_PROGRAMS = frozenset(
    {
        *("jupyter-lab", "jupyter-labhub", "jupyter-server", "jupyter-notebook"),
        *("jupyter-nbclassic", "jupyter-kernelgateway", "jupyter-enterprisegateway"),
        *("jupyter-voila", "jupyterhub-singleuser", "voila"),
    }
)
_SERVER_MODULES = frozenset(
    {
        *("jupyter_server", "jupyterlab", "notebook", "nbclassic", "voila"),
        *("jupyterhub.singleuser", "kernel_gateway", "enterprise_gateway"),
    }
)


def is_server_command(arguments: Sequence[str]) -> bool:
    """Tell whether a command is a Jupyter server's, even if its info file was not found."""
    programs = [PurePath(each).name for each in arguments[:2]]
    if "jupyter" in programs:  # "jupyter lab", before it executes jupyter-lab
        programs += [f"jupyter-{each}" for each in arguments[1:3]]
    modules = [module for option, module in pairwise(arguments[:3]) if option == "-m"]
    return bool(_SERVER_PROGRAMS & set(programs) or _SERVER_MODULES & set(modules))


def origin_of(stem: str, parent: Parent | None) -> Origin:
    """Return which program started a kernel.

    `stem`: its connection file's name without .json. `parent`: None if no process is known.
    """
    if parent is not None and parent.is_server:
        return Origin.SERVER
    if parent is not None and (parent.pid == INIT or parent.name in _INITS):
        return Origin.ORPHAN
    if parent is not None and stem == f"kernel-{parent.pid}":  # as jupyter_console names it
        return Origin.CONSOLE
    for pattern, origin in _BY_FILE:
        if pattern.fullmatch(stem):
            return origin
    for pattern, origin in _BY_COMMAND:
        if parent is not None and pattern.search(f"{parent.name} {parent.command}"):
            return origin
    return Origin.UNKNOWN
