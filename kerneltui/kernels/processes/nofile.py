"""Limits of this process: raised for our sockets, restored for kernels, explained if reached."""

from __future__ import annotations

import contextlib
import errno
import resource

WANTED_FILES = 65_536
"""Descriptors: a thousand kernels with their sockets, and room. macOS gives at most 10,240."""
NO_MORE_PROCESSES = (
    "this user has as many processes and threads as the system allows "
    "(ulimit -u, or the pids limit of a container)"
)
_MACOS_FILES = 10_240  # OPEN_MAX of <sys/syslimits.h>

_original: tuple[int, int] | None = None


def raise_nofile_limit() -> None:
    """Raise the soft limit of open files as far as is useful; calling it again changes nothing."""
    global _original
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _original is not None or _at_least(soft, WANTED_FILES):
        return
    _original = (soft, hard)
    for wanted in (WANTED_FILES, _MACOS_FILES):
        target = wanted if _at_least(hard, wanted) else hard
        with contextlib.suppress(ValueError, OSError):  # more than this system allows
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, target), hard))
            return


def original_nofile_limit() -> tuple[int, int] | None:
    """Return the (soft, hard) limit before it was raised; None while it was not."""
    return _original


def restore_nofile_limit(pid: int) -> None:
    """Give a child the soft limit that this process was started with.

    A program may allocate a table of that size, or close that many files. Linux only: other systems
    cannot set the limit of another process, so a child keeps the raised one.
    """
    if _original is None or not hasattr(resource, "prlimit"):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # gone, or not ours any more
        resource.prlimit(pid, resource.RLIMIT_NOFILE, _original)


def describe_shortage(error: BaseException) -> str:
    """Return which limit an error comes from, for the user; "" for any other error."""
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return NO_MORE_PROCESSES
    number = getattr(error, "errno", None)  # OSError has it, and zmq.ZMQError
    if number == errno.EMFILE:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return f"too many files are open in this process: its limit is {limit:,} (ulimit -n)"
    return "too many files are open on this host" if number == errno.ENFILE else ""


def _at_least(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
