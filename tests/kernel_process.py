"""Runs a FakeKernel as a process: `python -m tests.kernel_process CONNECTION_FILE`.

Its cells are Python, run by the thread that serves. A program that needs another kernel gets it
from `kernel_at`, scripts it and calls `serve`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.fake_kernel import FakeKernel


def kernel_at(connection_file: str) -> FakeKernel:
    kernel = FakeKernel(Path(connection_file))
    kernel.runs = lambda code: exec(code, {"kernel": kernel})
    return kernel


def serve(kernel: FakeKernel, once_it_listens: Callable[[], object] = lambda: None) -> None:
    """Serve until a shutdown_request; publish each SIGINT on iopub."""

    def say(_signum: int, _frame: object) -> None:
        kernel.publish_later("stream", {"name": "stdout", "text": "interrupted\n"})

    signal.signal(signal.SIGINT, say)
    kernel.__enter__()
    once_it_listens()
    kernel.wait_for("shutdown_request", within=threading.TIMEOUT_MAX)
    kernel.leave()
    os._exit(0)


if __name__ == "__main__":
    serve(kernel_at(sys.argv[1]))
