"""Asks a Python kernel which process it is, on which host, and how much memory it takes."""

from __future__ import annotations

from kerneltui.kernels.management.manager import KernelManager
from kerneltui.protocol import fields
from kerneltui.protocol.text import clean_line

ANSWER_TIME = 1.0  # seconds for a reply on control
_PIDS = range(1, 1 << 31)
_BYTES = range(1, 1 << 60)


def ask_usage(manager: KernelManager) -> str:
    """Return that as part of a sentence; "" if the kernel does not tell. Blocking.

    A Jupyter server counts the question as activity, and calls a busy kernel idle after it.
    Raises KernelError.
    """
    with manager.control_request("usage_request", {}) as request:
        reply = request.reply(ANSWER_TIME)
    return described_usage(reply["content"]) if reply else ""


def described_usage(told: fields.Fields) -> str:
    """Return what the content of a usage_reply tells."""
    pid = fields.whole(told, "pid", within=_PIDS)
    host = clean_line(fields.text(told, "hostname"))
    memory = fields.whole(told, "kernel_memory", within=_BYTES)
    where = f"process {pid} on {host}" if pid and host else ""
    takes = f"{memory / 1_000_000:,.0f} MB of memory" if memory else ""
    return ", ".join(filter(None, (where, takes)))
