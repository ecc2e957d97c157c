"""Records the frames beside this file again: `python tests/protocol/frames/record.py`.

It needs jupyter_client, ipykernel, xeus-python and bash_kernel, and the kernelspecs of all three.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zmq

from kerneltui import KernelManager
from kerneltui.kernels.connection.sockets import connect
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import execute_content
from kerneltui.protocol.wire import Session

HERE = Path(__file__).parent
KEY = b"5ca1ab1e-0000-4000-8000-0123456789ab"
SILENCE = 1.0  # seconds of silence after which a kernel has sent everything

Recorded = list[dict[str, Any]]


def record_peer() -> Recorded:
    """Return the frames that jupyter_client makes from messages of every shape."""
    from jupyter_client.session import Session as PeerSession

    sender = PeerSession(key=KEY, session="peer", username="tester")
    request = sender.msg("execute_request", {"code": "print('naïve ☃ 🦉')", "silent": False})
    buffers = [b"first buffer", bytes(range(256))]
    stream = sender.msg("stream", {"name": "stdout", "text": "☃\n"}, parent=request)
    comm = sender.msg("comm_msg", {"comm_id": "c", "data": {}}, metadata={"version": "2.1.0"})
    dated = sender.msg("custom", {"at": datetime(2024, 2, 29, 12, tzinfo=UTC)}, parent=request)
    return [
        as_record("shell", sender.serialize(request), request["msg_id"]),
        as_record("iopub", sender.serialize(stream, ident=b"stream.stdout"), stream["msg_id"]),
        as_record("shell", [*sender.serialize(comm, ident=[b"a", b"b"]), *buffers], comm["msg_id"]),
        as_record("shell", sender.serialize(dated), dated["msg_id"]),
    ]


def record_kernel(kernel_name: str, cells: Sequence[str]) -> Recorded:
    """Return all frames that a kernel sends on shell and iopub while it runs `cells`."""
    manager = KernelManager(kernel_name=kernel_name)
    manager.start_kernel()
    session = Session(manager.session.key, session="tester", username="tester")
    with (
        connect(manager.context, manager.connection_info, Channel.SHELL) as shell,
        connect(manager.context, manager.connection_info, Channel.IOPUB) as iopub,
    ):
        channels = {shell: "shell", iopub: "iopub"}
        poller = zmq.Poller()
        for socket in channels:
            poller.register(socket, zmq.POLLIN)
        shell.send_multipart(session.encode(session.new_message("kernel_info_request")))
        assert shell.poll(60_000), f"{kernel_name} does not answer"
        for cell in cells:
            message = session.new_message("execute_request", execute_content(cell))
            shell.send_multipart(session.encode(message))
        recorded: Recorded = []
        while ready := poller.poll(int(SILENCE * 1000)):
            for socket, _ in ready:
                frames = socket.recv_multipart()
                recorded.append(as_record(channels[socket], frames, None))
    manager.shutdown_kernel(now=True)
    return [{**each, "key": session.key.decode()} for each in recorded]


def as_record(channel: str, frames: Sequence[bytes], msg_id: str | None) -> dict[str, Any]:
    return {
        "channel": channel,
        "key": KEY.decode(),
        "msg_id": msg_id,
        "frames": [base64.b64encode(bytes(frame)).decode("ascii") for frame in frames],
    }


def write(maker: str, recorded: Recorded) -> None:
    content = {"maker": maker, "version": importlib.metadata.version(maker), "messages": recorded}
    (HERE / f"{maker}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    write("jupyter_client", record_peer())
    python_cells = ["print('naïve ☃')", "6 * 7", "1 / 0"]
    write("ipykernel", record_kernel("python3", python_cells))
    write("xeus-python", record_kernel("xpython", python_cells))
    write("bash_kernel", record_kernel("bash", ["echo 'naïve ☃'", "echo $((6 * 7))", "false"]))
