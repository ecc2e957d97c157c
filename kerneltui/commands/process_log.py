"""`kerneltui logs --process`: what a kernel's process wrote to its own stdout and stderr."""

from __future__ import annotations

import os
import sys
import time
from codecs import getincrementaldecoder
from pathlib import Path
from typing import BinaryIO

from kerneltui.commands.cell_output import Piece, last_lines
from kerneltui.commands.following import POLL, Followed
from kerneltui.commands.listing import Listed
from kerneltui.commands.printing import Colours, Printer, warn
from kerneltui.errors import KernelError
from kerneltui.fleet.model.masking import StreamMask
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.processes.log_file import LogFile
from kerneltui.kernels.processes.log_reader import LogReader
from kerneltui.private_file import open_private


def print_process_log(kernel: Listed, *, tail: int | None, follow: bool, colours: Colours) -> None:
    """Print what the kernel's process wrote; with `follow`, go on until it has ended.

    `tail`: print only so many of the existing lines; None for all.
    """
    path, mask = LogFile.beside(kernel.connection_file, kernel.id).path, StreamMask(_key_of(kernel))
    printer, decoder = Printer(sys.stdout, colours), getincrementaldecoder("utf-8")("replace")
    reader = LogReader()
    with _opened(kernel, path) as file:
        fd = file.fileno()
        printer.write(_last_lines(decoder.decode(mask.feed(reader.read(fd).data)), tail))
        has_ended, followed = not follow, Followed(kernel)
        while not has_ended:
            time.sleep(POLL)
            has_ended = not followed.goes_on()  # asked first: the last output is read after it
            fresh = reader.read(fd)
            if fresh.is_cut:
                warn(f"the log of {kernel.name} was cut; something may be missing here")
                mask.skip()
            printer.write(decoder.decode(mask.feed(fresh.data)))
    printer.close()


def _opened(kernel: Listed, path: Path) -> BinaryIO:
    if not kernel.is_ours:
        whose = "another program has started it, and has its output"
        raise KernelError(f"kerneltui has no log of {kernel.name}: {whose}")
    try:
        return os.fdopen(open_private(path), "rb")
    except OSError as error:
        raise KernelError(f"cannot read {path}: {error.strerror}") from None


def _last_lines(text: str, count: int | None) -> str:
    if count is None:
        return text
    return "".join(piece.text for piece in last_lines([Piece("stdout", text)], count))


def _key_of(kernel: Listed) -> bytes:
    """Return the connection's key, which is never shown; b"" if the file is gone."""
    try:
        return read_connection_file(kernel.connection_file).key
    except KernelError:
        return b""
