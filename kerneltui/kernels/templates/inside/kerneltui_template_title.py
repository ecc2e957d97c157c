"""Shows a process with another command line and environment than it was started with.

Python of any version from 3.9 on, standard library only: it runs in the kernel's interpreter.
"""

# mypy: ignore-errors
import ctypes
import os
import struct

_SET_MM, _SET_MM_MAP = 35, 14  # PR_SET_MM and PR_SET_MM_MAP of linux/prctl.h
_PRIVATE_MEMORY = 0x22  # MAP_PRIVATE | MAP_ANONYMOUS of linux/mman.h
_READ_WRITE = 3  # PROT_READ | PROT_WRITE
_UNCHANGED = 0xFFFFFFFF  # as exe_fd: the program stays
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sbrk.restype = ctypes.c_void_p
_libc.sbrk.argtypes = [ctypes.c_ssize_t]
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


def show(argv, env):
    """Have /proc/self/cmdline and /proc/self/environ tell `argv` and `env`, a dict.

    Where the system does not allow that, the old area is overwritten as far as it reaches.
    """
    command = b"".join(os.fsencode(each) + b"\0" for each in argv)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    fields = _fields_of_stat()
    if not _move(fields, command, variables):
        _overwrite(fields, command)


def start_ticks():
    """Return when this process has begun, in clock ticks since the system has."""
    return _fields_of_stat()[22]


def _fields_of_stat():
    """Return what proc(5) numbers from 3 on, by its number."""
    with open("/proc/self/stat", "rb") as file:
        words = file.read().rpartition(b")")[2].split()
    return {number: int(word) for number, word in enumerate(words, 3) if number > 3}


def _move(fields, command, variables):
    """Tell whether the system took a new place for both; see struct prctl_mm_map."""
    size = len(command) + len(variables)
    place = _libc.mmap(None, size, _READ_WRITE, _PRIVATE_MEMORY, -1, 0)
    if place in (None, _FAILED):
        return False
    ctypes.memmove(place, command + variables, size)
    between = place + len(command)
    layout = struct.pack(
        "=11QQII",
        *(fields[26], fields[27], fields[45], fields[46], fields[47], _libc.sbrk(0), fields[28]),
        *(place, between, between, place + size),
        *(0, 0, _UNCHANGED),
    )
    return _libc.prctl(_SET_MM, _SET_MM_MAP, layout, len(layout), 0) == 0


def _overwrite(fields, command):
    """Write into the area of the arguments, which a template has long ones for."""
    begin, end = fields[48], fields[49]
    room = end - begin
    if room > 0:
        ctypes.memmove(begin, command[: room - 1].ljust(room, b"\0"), room)
