"""Every error that kerneltui raises.

    KernelError
    ├── ProtocolError (ValueError)            a kernel's fault: listeners count it and go on
    │   ├── MalformedMessage
    │   ├── UnsignedMessage
    │   ├── InvalidSignature
    │   └── ReplayedMessage
    ├── ConnectionFileError (ValueError)      a connection file or info that cannot be used
    │   ├── EndpointError (zmq.ZMQError)      an address that zmq refuses; see connection.sockets
    │   └── ConnectionFileUnavailable (OSError)
    │       ├── ConnectionFileNotFound (FileNotFoundError)
    │       └── ConnectionFileForbidden (PermissionError)
    ├── InvalidKernelSpec (ValueError)        a kernelspec that cannot be used
    │   └── KernelSpecFileNotFound (FileNotFoundError)
    ├── NoSuchKernel (KeyError)               an unknown kernelspec name or kernel id
    ├── DuplicateKernel (ValueError)          a chosen kernel id that is already in use
    ├── LaunchError (OSError)                 a command that could not become a process
    │   ├── CommandNotFound (FileNotFoundError)
    │   └── CommandForbidden (PermissionError)
    ├── ActionRefused (RuntimeError)          an order that the kernel's state does not allow
    │   └── ProcessForbidden (PermissionError) a process that this user may not signal
    ├── WrongThread (RuntimeError)            a client that two threads use at the same time
    ├── ChannelNotOpen (RuntimeError)
    ├── KernelDied (RuntimeError)
    ├── ServerError                           a Jupyter server that could not be asked
    │   ├── ServerUnreachable (ConnectionError)
    │   ├── ServerRefused
    │   └── LoginRefused (PermissionError)
    └── KernelTimeout (TimeoutError, queue.Empty)
        └── ReadyTimeout (RuntimeError)

The second bases are what `jupyter_client` raises in the same place, so that a
caller's `except` clauses hold; an OSError has the system's `errno`. No message, attribute
or traceback line made here contains a connection key, a token or the value of an
environment variable.
"""

from __future__ import annotations

import errno
import os
import queue
import signal


class KernelError(Exception):
    """Root of all errors of kerneltui."""

    def __str__(self) -> str:
        # KeyError would show the repr of the message, quotes and escapes included.
        return str(self.args[0]) if self.args else ""


class ProtocolError(KernelError, ValueError):
    """Frames that are not a valid message for this session."""


class MalformedMessage(ProtocolError):
    """Frames without the shape of a message."""


class UnsignedMessage(ProtocolError):
    """A message without a signature, though the session has a key."""


class InvalidSignature(ProtocolError):
    """A signature that the session's key did not make."""


class ReplayedMessage(ProtocolError):
    """A signature that this socket has already seen."""


class ConnectionFileError(KernelError, ValueError):
    """A connection file or connection info that cannot be used."""


class ConnectionFileUnavailable(ConnectionFileError, OSError):
    """A connection file or an ip that the system refuses; `of` picks the subclass."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        _tell_errno(self, code)

    @staticmethod
    def of(message: str, code: int | None) -> ConnectionFileUnavailable:
        return _CONNECTION_FILE_ERRORS.get(code, ConnectionFileUnavailable)(message, code)


class ConnectionFileNotFound(ConnectionFileUnavailable, FileNotFoundError):
    """A connection file that does not exist."""


class ConnectionFileForbidden(ConnectionFileUnavailable, PermissionError):
    """A connection file that this user may not read or write."""


class InvalidKernelSpec(KernelError, ValueError):
    """A kernelspec that cannot be used."""


class KernelSpecFileNotFound(InvalidKernelSpec, FileNotFoundError):
    """A kernel.json that does not exist."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _tell_errno(self, errno.ENOENT)


class NoSuchKernel(KernelError, KeyError):
    """An unknown kernelspec name or kernel id."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class DuplicateKernel(KernelError, ValueError):
    """A kernel id that is already in use."""


class LaunchError(KernelError, OSError):
    """A kernel's command that could not become a process; `of` picks the subclass.

    `errno`: the system's error code; None for a reason that has none.
    """

    def __init__(self, message: str, argv: tuple[str, ...], code: int | None = None) -> None:
        super().__init__(message)
        self.argv = argv
        _tell_errno(self, code)

    @staticmethod
    def of(message: str, argv: tuple[str, ...], code: int | None) -> LaunchError:
        return _LAUNCH_ERRORS.get(code, LaunchError)(message, argv, code)


class CommandNotFound(LaunchError, FileNotFoundError):
    """A command, or the folder to run it in, that does not exist."""


class CommandForbidden(LaunchError, PermissionError):
    """A command that is not a program, or that this user may not run."""


class ActionRefused(KernelError, RuntimeError):
    """An order that the kernel's present state does not allow."""


class ProcessForbidden(ActionRefused, PermissionError):
    """A process that this user may not signal."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"process {pid} is another user's")
        _tell_errno(self, errno.EPERM)


class WrongThread(KernelError, RuntimeError):
    """A client used in another thread than the one that opened its channels.

    `owner`, `caller`: the names of the two threads.
    """

    def __init__(self, owner: str, caller: str) -> None:
        super().__init__(
            f"a client's channels were opened in thread {owner!r} and cannot be used in thread"
            f" {caller!r}; make a client for each thread, or call stop_channels() there and"
            " start_channels() here first"
        )
        self.owner = owner
        self.caller = caller


class ChannelNotOpen(KernelError, RuntimeError):
    """A channel that was used before it was opened, or after it was closed."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"the {channel} channel is not open; call start_channels() first")
        self.channel = channel


class KernelDied(KernelError, RuntimeError):
    """The kernel's process ended while the caller waited for it.

    A client that knows only the sockets raises it if nothing serves them any more: that may also be
    the end of a tunnel, and the message says so. `returncode`: as in `subprocess`, negative for a
    signal; None if only the kernel's parent process can know it. `last_lines`: the last lines that
    the kernel wrote, cleaned.
    """

    def __init__(self, message: str, returncode: int | None, last_lines: tuple[str, ...]) -> None:
        super().__init__(message)
        self.returncode = returncode
        self.last_lines = last_lines


class ServerError(KernelError):
    """A Jupyter server, or a gateway, that could not be asked."""


class ServerUnreachable(ServerError, ConnectionError):
    """A server that could not be connected to, or that did not answer in time."""


class ServerRefused(ServerError):
    """A server's answer that is an error.

    `status`: of HTTP. `reason`: what the server told, cleaned; may be "".
    """

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class LoginRefused(ServerError, PermissionError):
    """A server that wants another token or password, or any at all."""


class KernelTimeout(KernelError, TimeoutError, queue.Empty):
    """What the caller waited for did not come within the timeout."""


class ReadyTimeout(KernelTimeout, RuntimeError):
    """A kernel that was not ready within the timeout."""


_CONNECTION_FILE_ERRORS: dict[int | None, type[ConnectionFileUnavailable]] = {
    errno.ENOENT: ConnectionFileNotFound,
    errno.EACCES: ConnectionFileForbidden,
    errno.EPERM: ConnectionFileForbidden,
}
_LAUNCH_ERRORS: dict[int | None, type[LaunchError]] = {
    errno.ENOENT: CommandNotFound,
    errno.EACCES: CommandForbidden,
    errno.EPERM: CommandForbidden,
}


def _tell_errno(error: OSError, code: int | None) -> None:
    """Set `errno` and `strerror` as the system does; the message stays ours."""
    error.errno = code
    error.strerror = os.strerror(code) if code else None


def describe_exit(returncode: int | None) -> str:
    """Return how a process ended, in words: "exited with SIGKILL (-9)"."""
    if returncode is None:
        return "exited (its code is known to its parent only)"
    if returncode >= 0:
        return f"exited with code {returncode}"
    try:
        return f"exited with {signal.Signals(-returncode).name} ({returncode})"
    except ValueError:  # real-time signals have no name
        return f"exited with signal {-returncode}"
