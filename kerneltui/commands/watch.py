"""`kerneltui wait` and `logs`: what a script wants to know of one kernel as it goes on."""

from __future__ import annotations

import codecs
import os
import sys
import time

from kerneltui.commands.listing import Listed, find, list_all
from kerneltui.commands.living import attached, find_living
from kerneltui.commands.printing import Printer, ProgressLine
from kerneltui.errors import KernelDied, KernelError, KernelTimeout, NoSuchKernel
from kerneltui.fleet.model.masking import StreamMask
from kerneltui.fleet.model.origin import Origin
from kerneltui.fleet.registry.kernel_facts import LEFT_WORDS, UNANSWERED
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.private_file import open_private
from kerneltui.protocol.status import KernelState

POLL = 0.5  # seconds between two looks
SILENCE = 10.0  # seconds for which a server may tell nothing
CHUNK = 65536  # bytes of a log


def wait_idle(word: str, timeout: float | None) -> int:
    """Return once the kernel has done all that it had to do.

    Raises KernelTimeout, and KernelDied where it ends.
    """
    kernel = find_living(word)
    with ProgressLine(f"waiting until {kernel.name} runs nothing"):
        if kernel.origin == Origin.SERVER:
            _await_by_its_server(kernel, timeout)
        else:
            _await_its_answer(kernel, timeout)
    return 0


def _await_its_answer(kernel: Listed, timeout: float | None) -> None:
    """Ask once: the shell answers when it has come to the end of what was asked before."""
    client = attached(kernel).client()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        client.kernel_info(reply=True, timeout=timeout)
    except KernelTimeout:
        raise KernelTimeout(f"{kernel.name} is busy after {timeout:g} s") from None
    finally:
        client.stop_channels()


def _await_by_its_server(kernel: Listed, timeout: float | None) -> None:
    """Look what the server tells: it would keep count of what its kernel is asked."""
    deadline = None if timeout is None else time.monotonic() + timeout
    told_at = time.monotonic()
    while True:
        kernel = find(list_all(), kernel.id)
        if kernel.state == KernelState.IDLE:
            return
        if kernel.state != UNANSWERED:
            told_at = time.monotonic()
        elif time.monotonic() - told_at > SILENCE:
            raise KernelError(f"the server of {kernel.name} does not tell what it does")
        if kernel.state in (KernelState.DEAD, *LEFT_WORDS.values()):
            raise KernelDied(f"{kernel.name} died", None, ())
        if deadline is not None and time.monotonic() >= deadline:
            raise KernelTimeout(f"{kernel.name} is {kernel.state} after {timeout:g} s")
        time.sleep(POLL)


def logs(word: str, *, follow: bool) -> int:
    """Print what the kernel's process wrote; with `follow` go on until it has ended."""
    kernel = find(list_all(), word)
    if kernel.origin != Origin.KERNELTUI:
        raise KernelError(
            f"kerneltui has no log of {kernel.name}: what it writes goes where who started it "
            "wanted"
        )
    path = LogFile.beside(kernel.connection_file, kernel.id).path
    try:
        fd = open_private(path)
    except OSError as error:
        raise KernelError(f"cannot read {path}: {error.strerror}") from None
    mask = StreamMask(_key_of(kernel))
    printer, decoder = Printer(sys.stdout), codecs.getincrementaldecoder("utf-8")("replace")
    with os.fdopen(fd, "rb") as file:
        while True:
            has_ended = not follow or not _lives(kernel.id)  # first: its last words come after it
            while data := file.read(CHUNK):
                printer.write(decoder.decode(mask.feed(data)))
            if has_ended:
                printer.end_line()
                return 0
            time.sleep(POLL)
            if path.exists() and path.stat().st_size < file.tell():  # it was cut: the end is kept
                file.seek(0)
                mask.skip()


def _key_of(kernel: Listed) -> bytes:
    """Return the connection's key, which nobody is shown; b"" once the file is gone."""
    try:
        return read_connection_file(kernel.connection_file).key
    except KernelError:
        return b""


def _lives(kernel_id: str) -> bool:
    try:
        return find(list_all(), kernel_id).pid is not None
    except NoSuchKernel:  # it was dismissed
        return False
