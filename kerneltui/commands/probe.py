"""What kernels do right now, asked of all of them at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import zmq

from kerneltui.errors import ProtocolError
from kerneltui.kernels.session import ClientSession, new_session
from kerneltui.kernels.sockets import connect, default_context
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import KernelState


def ask_states(infos: Mapping[str, ConnectionInfo], within: float) -> dict[str, KernelState]:
    """Return the state of each kernel that answers `within` seconds; the others are left out.

    Control answers while a cell runs, the shell only between cells. A kernel whose code holds
    its interpreter answers on neither.
    """
    found: dict[str, KernelState] = {}
    waiting: dict[zmq.Socket[bytes], tuple[str, Channel, ClientSession]] = {}
    with contextlib.ExitStack() as sockets:
        for kernel_id, info in infos.items():
            for channel in (Channel.CONTROL, Channel.SHELL):
                session = new_session(info.key, info.signature_scheme)
                socket = sockets.enter_context(connect(default_context(), info, channel))
                socket.send_multipart(session.encode(session.new_message("kernel_info_request")))
                waiting[socket] = (kernel_id, channel, session)
        poller = zmq.Poller()
        for socket in waiting:
            poller.register(socket, zmq.POLLIN)
        deadline = time.monotonic() + within
        while waiting and (left := deadline - time.monotonic()) > 0:
            for socket, _ in poller.poll(max(1, int(left * 1000))):
                kernel_id, channel, session = waiting[socket]
                if not _is_answered(socket, session):
                    continue
                del waiting[socket]
                poller.unregister(socket)
                if channel is Channel.SHELL or kernel_id not in found:
                    is_free = channel is Channel.SHELL
                    found[kernel_id] = KernelState.IDLE if is_free else KernelState.BUSY
    return found


def _is_answered(socket: zmq.Socket[Any], session: ClientSession) -> bool:
    """Tell whether a believable reply has come; what is forged is none."""
    try:
        return session.decode(socket.recv_multipart())["msg_type"] == "kernel_info_reply"
    except ProtocolError:
        return False
