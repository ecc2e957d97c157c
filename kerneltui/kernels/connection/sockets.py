"""zmq: the one context of this process, and sockets that are connected to a kernel."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import threading

import zmq

from kerneltui.errors import ConnectionFileError, KernelError
from kerneltui.kernels.connection.ipc import MAX_SOCKET_PATH
from kerneltui.kernels.processes.nofile import describe_shortage, raise_nofile_limit
from kerneltui.kernels.processes.thread_room import require_threads
from kerneltui.protocol.connection import Channel, ConnectionInfo

MAX_SOCKETS = 65_535  # libzmq's default of 1,023 is five sockets each for 200 kernels
RECONNECT_INTERVAL = 15  # milliseconds; libzmq's 100 would delay every start by 50 on average
CLOSE_LINGER = 100  # milliseconds; with 0, a request sent just before the close never leaves

TCP_PORTS = range(1, 65_536)
CONTEXT_FILES, CONTEXT_THREADS = 16, 2  # files and threads that a context needs, and some room

Context = zmq.Context[zmq.Socket[bytes]]

_SOCKET_TYPES = {
    Channel.SHELL: zmq.DEALER,
    Channel.STDIN: zmq.DEALER,
    Channel.CONTROL: zmq.DEALER,
    Channel.IOPUB: zmq.SUB,
    Channel.HB: zmq.REQ,
}


class EndpointError(ConnectionFileError, zmq.ZMQError):
    """An address to which zmq cannot connect; `errno` and `strerror` are zmq's."""

    def __init__(self, message: str, errno: int | None = None) -> None:
        zmq.ZMQError.__init__(self, errno)
        self.args = (message,)


def default_context() -> Context:
    """Return the private context of this process. Contexts do not survive a fork.

    Raises KernelError if the limits of this process leave no room for one.
    """
    with _making:
        return _context_of(os.getpid())


_making = threading.Lock()  # else two threads at the same time would make two contexts


@functools.cache
def _context_of(_pid: int) -> Context:
    raise_nofile_limit()
    _require_room()
    context = zmq.Context()
    context.set(zmq.MAX_SOCKETS, min(MAX_SOCKETS, context.get(zmq.SOCKET_LIMIT)))
    context.socket(zmq.PAIR).close()  # the first socket starts its threads, now that there is room
    return context


def _require_room() -> None:
    """Raise KernelError if libzmq could not start its threads: it would end this process."""
    require_threads(CONTEXT_THREADS)
    try:
        with contextlib.ExitStack() as held:
            for _ in range(CONTEXT_FILES):
                held.callback(os.close, os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        shortage = describe_shortage(error) or str(error)
        raise KernelError(f"cannot connect to kernels: {shortage}") from None


def connect(
    context: Context,
    info: ConnectionInfo,
    channel: Channel,
    identity: bytes | None = None,
    *,
    waiting: int = 0,
) -> zmq.Socket[bytes]:
    """Return a new socket on one channel of a kernel; an iopub one subscribes to everything.

    Raises EndpointError.

    `identity`: two clients with the same identity steal each other's replies. Shell and stdin of
    one client must have the same one, as a kernel sends its input requests to the identity of the
    shell socket. `waiting`: messages of iopub that may wait to be read, 0 for any number. With a
    low limit, a slow reader loses messages without notice, also an idle.
    """
    endpoint = _endpoint(info, channel)
    socket = _new_socket(context, channel, endpoint)
    try:
        _wire(socket, info, channel, identity, waiting)
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.close()
        reason = error.strerror
        if error.errno == errno.ENAMETOOLONG:
            reason = f"the path of an ipc socket may have {MAX_SOCKET_PATH} bytes at the most"
        raise EndpointError(f"cannot connect to {endpoint}: {reason}", error.errno) from None
    except UnicodeEncodeError:
        socket.close()
        raise EndpointError(f"cannot connect to {endpoint!a}: it is not UTF-8") from None
    except BaseException:
        socket.close()
        raise
    return socket


def _endpoint(info: ConnectionInfo, channel: Channel) -> str:
    """Return the address of a channel. Raises EndpointError for a port that cannot be one."""
    endpoint, port = info.endpoint(channel), info.ports[channel]
    if not port:
        raise EndpointError(f"cannot connect to {info.ip}: its {channel} port is not known")
    if info.transport == "tcp" and port not in TCP_PORTS:
        raise EndpointError(f"cannot connect to {endpoint}: no port has that number")
    return endpoint


def _new_socket(context: Context, channel: Channel, endpoint: str) -> zmq.Socket[bytes]:
    try:
        # An asyncio context makes sockets whose verbs return futures; ours are plain.
        return context.socket(_SOCKET_TYPES[channel], socket_class=zmq.Socket)
    except zmq.ZMQError as error:
        reason = describe_shortage(error) or str(error)
        raise EndpointError(f"cannot connect to {endpoint}: {reason}", error.errno) from None


def _wire(
    socket: zmq.Socket[bytes],
    info: ConnectionInfo,
    channel: Channel,
    identity: bytes | None,
    waiting: int,
) -> None:
    socket.linger = CLOSE_LINGER
    socket.reconnect_ivl = RECONNECT_INTERVAL
    if identity is not None:
        socket.identity = identity
    if info.curve_publickey and info.curve_secretkey:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = info.curve_publickey
    if channel is Channel.IOPUB:
        socket.rcvhwm = waiting
        socket.subscribe(b"")
