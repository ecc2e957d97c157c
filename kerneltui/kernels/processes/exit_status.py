"""The exit status of a process of any parent, as Linux 6.15 and later tell it by a pidfd.

See PIDFD_GET_INFO in <linux/pidfd.h>. The descriptor must have been opened while the process lived.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct

_EXIT = 1 << 3  # PIDFD_INFO_EXIT
_SIZE = 64  # of the first version of struct pidfd_info, whose last field is the wait status
_GET_INFO = 3 << 30 | _SIZE << 16 | 0xFF << 8 | 11  # _IOWR(PIDFS_IOCTL_MAGIC, 11, struct)
_MASK, _STATUS = struct.Struct("=Q"), struct.Struct("=60xi")


def exit_code_by(pidfd: int, patience: float) -> int | None:
    """Return the exit code of a process that has ended, negative for a signal; None if unknown.

    `pidfd`: any descriptor; of one that is no pidfd, nothing is known. `patience`: the seconds to
    wait for the parent process to reap it, as nothing is told before that.
    """
    if (info := _info(pidfd)) is None:
        return None
    if not _is_reaped(info):
        poller = select.poll()
        poller.register(pidfd, 0)  # a hang-up: it was reaped
        poller.poll(patience * 1000)
        info = _info(pidfd)
    if info is None or not _is_reaped(info):
        return None
    return os.waitstatus_to_exitcode(_STATUS.unpack(info)[0])


def _info(pidfd: int) -> bytes | None:
    """Return a struct pidfd_info; None from a system that does not know it."""
    info = bytearray(_MASK.pack(_EXIT).ljust(_SIZE, b"\0"))
    try:
        fcntl.ioctl(pidfd, _GET_INFO, info)
    except OSError:
        return None
    return bytes(info)


def _is_reaped(info: bytes) -> bool:
    return bool(_MASK.unpack_from(info)[0] & _EXIT)
