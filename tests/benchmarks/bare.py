"""The least time to compare with: an ipykernel started, used and ended with bare zmq."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"
RECONNECT_INTERVAL = 10  # milliseconds
PORTS = ("shell_port", "stdin_port", "iopub_port", "hb_port", "control_port")

# Below the ports of outgoing connections and above those of managers; no port is picked twice.
_candidates = itertools.count(30_000)


class BareClient:
    """Three sockets of a kernel's client, with the least code to use them."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], info: Mapping[str, Any]) -> None:
        self._context = context
        self._info = info
        key = info["key"]
        self._key = key if isinstance(key, bytes) else key.encode()
        self._session = secrets.token_hex(8)
        self._count = 0
        self.shell = self._connect(zmq.DEALER, "shell_port")
        self.control = self._connect(zmq.DEALER, "control_port")
        self.iopub = self._connect(zmq.SUB, "iopub_port")
        self.iopub.rcvhwm = 0
        self.iopub.subscribe(b"")

    def _connect(self, kind: int, port: str) -> zmq.Socket[bytes]:
        client = self._context.socket(kind)
        client.linger = 0
        client.reconnect_ivl = RECONNECT_INTERVAL
        client.connect(f"tcp://{self._info['ip']}:{self._info[port]}")
        return client

    def close(self) -> None:
        for each in (self.shell, self.control, self.iopub):
            each.close()

    def send(self, where: zmq.Socket[bytes], msg_type: str, content: Mapping[str, Any]) -> str:
        """Send a request and return its msg_id."""
        self._count += 1
        msg_id = f"{self._session}_{self._count}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "session": self._session,
            "username": "bare",
            "date": "2024-01-01T00:00:00Z",
            "version": "5.4",
        }
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        where.send_multipart([DELIMITER, self._sign(parts), *parts])
        return msg_id

    def _sign(self, parts: list[bytes]) -> bytes:
        return hmac.new(self._key, b"".join(parts), hashlib.sha256).hexdigest().encode()

    def receive(self, where: zmq.Socket[bytes]) -> tuple[str, str, dict[str, Any]]:
        """Return parent id, type and content of the next message, its signature checked."""
        frames = where.recv_multipart()
        signature, *parts = frames[frames.index(DELIMITER) + 1 :]
        assert signature == self._sign(parts[:4])
        header, parent, _, content = map(json.loads, parts[:4])
        return parent.get("msg_id", ""), header["msg_type"], content

    def wait_for_reply(self, where: zmq.Socket[bytes], msg_id: str) -> None:
        while self.receive(where)[0] != msg_id:
            pass

    def wait_for_ready(self) -> None:
        self.wait_for_reply(self.shell, self.send(self.shell, "kernel_info_request", {}))

    def execute(self, code: str) -> str:
        """Run code; return its msg_id after the reply."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        msg_id = self.send(self.shell, "execute_request", content)
        self.wait_for_reply(self.shell, msg_id)
        return msg_id

    def wait_for_idle(self, msg_id: str) -> int:
        """Read iopub up to a request's idle, mostly unparsed; return the number of messages."""
        count = 0
        while True:
            frames = self.iopub.recv_multipart()
            count += 1
            if b'"idle"' in frames[-1] and json.loads(frames[-3]).get("msg_id") == msg_id:
                return count


class BareKernel:
    """A kernel's process and its client."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], folder: Path) -> None:
        self._context = context
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.info = {
            "transport": "tcp",
            "ip": "127.0.0.1",
            **ports,
            "key": secrets.token_hex(32),
            "signature_scheme": "hmac-sha256",
        }
        self._file = folder / f"bare-{secrets.token_hex(8)}.json"
        self.spawn()

    def spawn(self) -> None:
        """Start the process, with a connection file of its own."""
        self._file.write_text(json.dumps(self.info))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", str(self._file)],
            env={**os.environ, "JPY_PARENT_PID": str(os.getpid())},  # it ends when we do
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def connect(self) -> None:
        self.client = BareClient(self._context, self.info)

    def start(self) -> None:
        """Connect to a spawned kernel and wait until it answers."""
        self.connect()
        self.client.wait_for_ready()

    def leave(self) -> None:
        """Close the sockets that are not needed to end the kernel."""
        self.client.shell.close()
        self.client.iopub.close()

    def ask_to_end(self, *, restart: bool = False) -> None:
        self.client.send(self.client.control, "shutdown_request", {"restart": restart})

    def shut_down(self) -> None:
        self.ask_to_end()
        self.process.wait()

    def restart(self) -> None:
        self.ask_to_end(restart=True)
        self.process.wait()
        self.spawn()

    def signal_end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        self.signal_end()
        self.process.wait()

    def clean_up(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.client.close()
        self._file.unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Return ports that are free now, and that the system does not hand out by itself."""
    ports: list[int] = []
    while len(ports) < count:
        port = next(_candidates)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports
