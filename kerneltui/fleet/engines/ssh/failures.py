"""Errors as they cross the link: front ends tell some kinds apart, so the kind crosses too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kerneltui.errors import (
    ActionRefused,
    KernelDied,
    KernelError,
    KernelTimeout,
    LaunchError,
    NoSuchKernel,
)
from kerneltui.fleet.control.interrupts import WouldEndKernel
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.kernels.processes.guarded_thread import describe_failure
from kerneltui.protocol import fields
from kerneltui.protocol.text import clean_line

WIDTH = 2_000  # characters of a text

_MAKERS: Mapping[type[KernelError], Callable[[str], KernelError]] = {
    WouldEndKernel: WouldEndKernel,  # before the class that it derives from
    ActionRefused: ActionRefused,
    CannotLook: CannotLook,
    NoSuchKernel: lambda text: NoSuchKernel(text, ""),
    LaunchError: lambda text: LaunchError(text, ()),
    KernelDied: lambda text: KernelDied(text, None, ()),
    KernelTimeout: KernelTimeout,
}
_BY_NAME = {kind.__name__: make for kind, make in _MAKERS.items()}


def told(error: BaseException) -> dict[str, str]:
    """Return an error as it is sent; one that is not ours is told by its kind and place only."""
    if not isinstance(error, KernelError):
        return {"kind": "KernelError", "text": f"it failed there: {describe_failure(error)}"}
    kind = next((each for each in _MAKERS if isinstance(error, each)), KernelError)
    return {"kind": kind.__name__, "text": clean_line(str(error), WIDTH)}


def read_error(message: Mapping[str, Any]) -> KernelError:
    """Return the error that was sent; a KernelError if its kind is not known."""
    text = clean_line(fields.text(message, "text", "it failed there"), WIDTH)
    return _BY_NAME.get(fields.text(message, "kind"), KernelError)(text)
