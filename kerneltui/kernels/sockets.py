"""zmq: this process's one context, and sockets wired to a kernel."""

from __future__ import annotations

import functools
import os

import zmq

from kerneltui.kernels.limits import raise_nofile_limit
from kerneltui.protocol.connection import Channel, ConnectionInfo

MAX_SOCKETS = 65_535  # libzmq's default of 1,023 is five sockets each for 200 kernels
RECONNECT_INTERVAL = 15  # milliseconds; libzmq's 100 would delay every start by 50 on average
CLOSE_LINGER = 100  # milliseconds; with 0, a request sent just before the close never leaves

Context = zmq.Context[zmq.Socket[bytes]]

_SOCKET_TYPES = {
    Channel.SHELL: zmq.DEALER,
    Channel.STDIN: zmq.DEALER,
    Channel.CONTROL: zmq.DEALER,
    Channel.IOPUB: zmq.SUB,
    Channel.HB: zmq.REQ,
}


def default_context() -> Context:
    """Return the private context of this process. Contexts do not survive a fork."""
    return _context_of(os.getpid())


@functools.cache
def _context_of(_pid: int) -> Context:
    raise_nofile_limit()
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, min(MAX_SOCKETS, context.get(zmq.SOCKET_LIMIT)))
    return context


def connect(
    context: Context, info: ConnectionInfo, channel: Channel, identity: bytes | None = None
) -> zmq.Socket[bytes]:
    """Return a new socket on one channel of a kernel; an iopub one subscribes to everything.

    `identity`: two sockets of one identity steal each other's replies; shell and stdin
    of one client must share theirs, as a kernel's input requests go to the shell's.
    """
    socket = context.socket(_SOCKET_TYPES[channel])
    try:
        _wire(socket, info, channel, identity)
    except BaseException:
        socket.close()
        raise
    return socket


def _wire(
    socket: zmq.Socket[bytes], info: ConnectionInfo, channel: Channel, identity: bytes | None
) -> None:
    socket.linger = CLOSE_LINGER
    socket.reconnect_ivl = RECONNECT_INTERVAL
    if identity is not None:
        socket.identity = identity
    if info.curve_publickey and info.curve_secretkey:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = info.curve_publickey
    if channel is Channel.IOPUB:
        socket.rcvhwm = 0  # with a limit, a slow reader loses messages unseen, an idle too
        socket.subscribe(b"")
    socket.connect(info.endpoint(channel))
