"""Reads stacks and names by an expression that a kernel evaluates beside its code."""

from __future__ import annotations

import time
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.fleet.console.console import Console
from kerneltui.fleet.console.conversation import Reply
from kerneltui.fleet.diagnosis.question import read_reply
from kerneltui.fleet.diagnosis.ways.choice import CannotLook
from kerneltui.protocol.message import Content


class SubshellProbe:
    """Asks each kernel one thing at a time: an unanswered request stays queued in the kernel."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._asked: dict[str, tuple[Reply, float]] = {}

    def ask(self, kernel_id: str, content: Content, patience: float) -> Any:
        """Return what the kernel tells within `patience` seconds, as JSON. Raises CannotLook."""
        before, since = self._asked.get(kernel_id, (None, 0.0))
        if before is not None and not before.done():
            waited = int(time.monotonic() - since)
            raise CannotLook(
                f"no answer for {waited} s" if waited else "asked already, no answer yet"
            )
        try:
            reply = self._console.evaluate(kernel_id, content)
            self._asked[kernel_id] = reply, time.monotonic()
            return read_reply(reply.result(patience))
        except TimeoutError:
            raise CannotLook(f"no answer within {patience:g} s") from None
        except (KernelError, ValueError) as error:
            raise CannotLook(str(error)) from None
