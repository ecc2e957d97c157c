"""Reads stacks and names by an expression that a kernel evaluates beside its code."""

from __future__ import annotations

import time
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.fleet.console.console import Console
from kerneltui.fleet.diagnosis.question import read_reply
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.protocol.message import Content


def ask_beside(console: Console, kernel_id: str, content: Content, patience: float) -> Any:
    """Return what a kernel tells within `patience` seconds, as JSON. Raises CannotLook.

    It is asked one thing at a time, as an unanswered request stays queued in the kernel.
    """
    before = console.evaluation(kernel_id)
    if before is not None and not before.reply.done():
        waited = int(time.monotonic() - before.sent_at)
        raise CannotLook(f"no answer for {waited} s" if waited else "asked already, no answer yet")
    try:
        return read_reply(console.evaluate(kernel_id, content).result(patience))
    except TimeoutError:
        raise CannotLook(f"no answer within {patience:g} s") from None
    except (KernelError, ValueError) as error:
        raise CannotLook(str(error)) from None
