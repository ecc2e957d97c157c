"""A kernel in a few lines: FakeKernel in a process of its own, whose cells are Python.

Its cells run in the thread that serves; a SIGINT is said on iopub.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from kerneltui.protocol.connection import parse_connection_file
from kerneltui.protocol.message import Content, Message
from kerneltui.protocol.wire import Session
from tests.fakes import FakeKernel


class TinyKernel(FakeKernel):
    def __init__(self, connection_file: Path) -> None:
        super().__init__(connection_file.parent)
        self.info = parse_connection_file(connection_file.read_bytes(), str(connection_file))
        self.session = Session(self.info.key)
        self.connection_file = str(connection_file)

    def _execute(self, client: list[bytes], request: Message) -> Content:
        reply = super()._execute(client, request)
        exec(request["content"]["code"])
        return reply


def main(connection_file: str) -> None:
    kernel = TinyKernel(Path(connection_file))

    def say(_signum: int, _frame: object) -> None:
        kernel.publish("stream", {"name": "stdout", "text": "interrupted\n"})

    signal.signal(signal.SIGINT, say)
    kernel.__enter__()
    kernel.wait_for("shutdown_request", within=threading.TIMEOUT_MAX)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
