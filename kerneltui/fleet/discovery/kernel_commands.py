"""Tells by a process's arguments whether it is a kernel: an editor names such files, too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from kerneltui.kernels.specs.spec_manager import KernelSpecManager

_KNOWN: tuple[tuple[str, ...], ...] = (
    ("python", "-m", "ipykernel_launcher"),
    ("python", "-m", "ipykernel"),
    ("python", "-m", "spyder_kernels.console"),
    ("ark", "--connection_file"),
)
"""The commands of kernels that tools start without a kernelspec."""


def kernel_commands() -> tuple[tuple[str, ...], ...]:
    """Return the commands that start kernels: of the installed kernelspecs, and those of _KNOWN."""
    specs = KernelSpecManager().get_all_specs().values()
    return (*_KNOWN, *(tuple(map(str, each["spec"]["argv"])) for each in specs))


def runs_kernel(arguments: Sequence[str], commands: Iterable[Sequence[str]]) -> bool:
    """Tell whether `arguments` match one of the commands of kernels.

    All words of the command without a {placeholder} must be there, in their order. The program
    must be the same, unless one of these words is not an option: a module's name is enough.
    """
    return any(_matches(arguments, command) for command in commands)


def _matches(arguments: Sequence[str], command: Sequence[str]) -> bool:
    if not arguments or not command:
        return False
    fixed = [word for word in command[1:] if "{" not in word]
    is_telling = any(not word.startswith("-") for word in fixed)
    return (is_telling or _program(arguments[0]) == _program(command[0])) and _holds(
        arguments, fixed
    )


def _program(path: str) -> str:
    """Return a program's name without its version."""
    return re.sub(r"[\d.]+\Z", "", PurePath(path).name)


def _holds(arguments: Sequence[str], words: Sequence[str]) -> bool:
    """Tell whether all `words` are arguments, in their order."""
    rest = iter(arguments)
    return all(word in rest for word in words)
