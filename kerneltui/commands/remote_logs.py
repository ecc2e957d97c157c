"""`kerneltui logs` of a kernel of a remote engine: from its transcript there."""

from __future__ import annotations

import time
from collections.abc import Callable

from kerneltui.commands.cell_output import last_lines
from kerneltui.commands.printing import OutputPrinter
from kerneltui.commands.remote_kernel import LastWords, RemoteKernel
from kerneltui.commands.remote_output import RemoteOutput, piece, said_in
from kerneltui.commands.wanted_output import Wanted
from kerneltui.errors import KernelError
from kerneltui.fleet.transcript.entries import TranscriptSource, TranscriptView

POLL = 0.2  # seconds between two looks
FIRST = 3.0  # seconds for another host to send what there is
SETTLED = 0.5  # seconds without news after which all of it has come

Look = Callable[[], TranscriptSource | None]


def print_remote(
    kernel: RemoteKernel, wanted: Wanted, printer: OutputPrinter, *, process: bool
) -> None:
    """Print what the kernel's cells printed. `process`: what its process wrote instead."""
    if not process and wanted.follow:
        kernel.connect()

    def look() -> TranscriptSource | None:
        with kernel.asked() as engine:
            read = engine.log if process else engine.transcript
            return read(kernel.kernel_id)

    source = look()
    if source is None:
        hint = "" if process else "; -f prints what its cells print from now on"
        raise KernelError(f"{kernel.name}: its server keeps no output{hint}")
    view = _settled_view(look, source)
    lines = [each for each in said_in(view) if each.time >= wanted.since]
    pieces = [piece(each) for each in lines]
    printer.print(pieces if wanted.tail is None else last_lines(pieces, wanted.tail))
    if wanted.follow:
        _follow(kernel, look, source, printer, RemoteOutput(after=view))


def _settled_view(look: Look, source: TranscriptSource) -> TranscriptView:
    """Return the output so far, once another host has sent it."""
    deadline = time.monotonic() + FIRST
    view, quiet_since = source.view(), time.monotonic()
    while time.monotonic() < deadline:
        time.sleep(POLL)
        source = look() or source
        now_there = source.view()
        if now_there.version != view.version:
            view, quiet_since = now_there, time.monotonic()
        elif view.entries and time.monotonic() - quiet_since > SETTLED:
            break
    return view


def _follow(
    kernel: RemoteKernel,
    look: Look,
    source: TranscriptSource,
    printer: OutputPrinter,
    output: RemoteOutput,
) -> None:
    last_words, is_over = LastWords(kernel), False
    while not is_over:
        last_words.look()
        source = look() or source  # a kernel that is gone has none, but may have said more
        view = source.view()
        is_over = last_words.are_in(view)
        printer.print(output.read(list(said_in(view)), is_over=is_over))
        time.sleep(POLL)
