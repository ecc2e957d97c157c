"""Probe: what kernels do right now, asked of all of them at once.

Control answers while a cell runs, the shell only between cells. A kernel whose code holds its
interpreter answers on neither. What was not answered waits in the kernel: it is not asked again.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import zmq

from kerneltui.errors import ProtocolError
from kerneltui.kernels.connection.session import ClientSession, new_session
from kerneltui.kernels.connection.sockets import connect, default_context
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.status import KernelState

PATIENCE = 0.15  # seconds for kernels to answer; what has not by then is not known
_CHANNELS = (Channel.CONTROL, Channel.SHELL)

_Key = tuple[str, Channel]


class Askable(NamedTuple):
    """Where a kernel is, and which of its processes is meant; None where that is not seen."""

    info: ConnectionInfo
    identity: ProcessIdentity | None


class _Question(NamedTuple):
    whom: Askable
    socket: zmq.Socket[Any]
    session: ClientSession


class Probe:
    """Used as a context, by one thread; may look again and again."""

    def __init__(self) -> None:
        self._open: dict[_Key, _Question] = {}
        self._asked_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for key in tuple(self._open):
            self._close(key)

    def ask(self, whom: Mapping[str, Askable]) -> None:
        """Ask these kernels, and forget what others were asked; `hear` has their answers."""
        for key, question in tuple(self._open.items()):
            if whom.get(key[0]) != question.whom:
                self._close(key)
        for kernel_id, each in whom.items():
            for channel in _CHANNELS:
                if (kernel_id, channel) not in self._open:
                    with contextlib.suppress(zmq.ZMQError):  # it cannot be asked at all
                        self._open[kernel_id, channel] = _ask(each, channel)
                        self._asked_at = time.monotonic()

    def hear(self, within: float = PATIENCE) -> dict[str, KernelState]:
        """Return the state of each kernel that has answered `within` seconds of the last question.

        The others are left out.
        """
        answered = self._hear(self._asked_at + within)
        for key in answered:
            self._close(key)
        busy = {kernel_id: KernelState.BUSY for kernel_id, _ in answered}
        idle = {each: KernelState.IDLE for each, channel in answered if channel is Channel.SHELL}
        return busy | idle

    def _hear(self, deadline: float) -> set[_Key]:
        """Return which questions are answered until `deadline`."""
        waiting = {question.socket: key for key, question in self._open.items()}
        poller = zmq.Poller()
        for socket in waiting:
            poller.register(socket, zmq.POLLIN)
        answered = set()
        is_late = False
        while waiting:
            left = max(0, math.ceil((deadline - time.monotonic()) * 1000))
            ready = poller.poll(left)
            if not ready or (not left and is_late):
                break
            is_late = not left
            for socket, _ in ready:
                key = waiting[socket]
                if _is_answer(self._open[key]):
                    answered.add(key)
                    poller.unregister(socket)
                    del waiting[socket]
        return answered

    def _close(self, key: _Key) -> None:
        self._open.pop(key).socket.close()


def _ask(whom: Askable, channel: Channel) -> _Question:
    info = whom.info
    session = new_session(info.key, info.signature_scheme)
    socket = connect(default_context(), info, channel)
    try:
        socket.send_multipart(session.encode(session.new_message("kernel_info_request")))
    except BaseException:
        socket.close()
        raise
    return _Question(whom, socket, session)


def _is_answer(question: _Question) -> bool:
    """Tell whether a believable reply has come; what is forged is none."""
    try:
        message = question.session.decode(question.socket.recv_multipart())
    except ProtocolError:
        return False
    return message["msg_type"] == "kernel_info_reply"
