"""`kerneltui logs`: prints what a kernel's cells have printed; with -f, also what they print now.

For a kernel of ours this comes from its recording, to which the recorder adds new output. Other
kernels are only heard from now on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerneltui.commands.cell_output import CellOutput, Piece, last_lines
from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import remote_kernel
from kerneltui.commands.following import POLL, Followed
from kerneltui.commands.listing import Listed, client_of, find, list_all
from kerneltui.commands.printing import Colours, OutputPrinter, warn
from kerneltui.commands.process_log import print_process_log
from kerneltui.commands.settings import read_settings
from kerneltui.commands.wanted_output import Wanted
from kerneltui.errors import KernelDied, KernelError, ProtocolError
from kerneltui.fleet.keeper.lock import is_recorded
from kerneltui.fleet.keeper.recording.format import NOT_RECORDED, Record
from kerneltui.fleet.keeper.recording.recording import (
    Gap,
    ProcessStarted,
    RecordingReader,
    recording_path,
    unheard_since,
)
from kerneltui.fleet.keeper.start import KeeperStarter
from kerneltui.fleet.transcript.batch import OUTPUT_TYPES
from kerneltui.kernels.connection.connection_file import read_connection_file
from kerneltui.kernels.connection.session import session_for
from kerneltui.paths import runtime_folder
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.message import Message
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.text import clean_line

LAST_WORDS = 2.0  # seconds for the recorder to write a kernel's last output


def logs(
    word: str,
    wanted: Wanted,
    colours: Colours = Colours.AUTO,
    *,
    process: bool,
    read_only: bool = False,
    engines: EngineWords = NONE,
) -> int:
    """Print what a kernel's cells printed.

    `process`: what its process wrote instead. `read_only`: connect to no kernel of a server.
    """
    with remote_kernel(word, engines) as remote:
        if remote is not None:
            remote.lock(read_only or read_settings().read_only)
            from kerneltui.commands.remote_logs import print_remote

            with contextlib.closing(OutputPrinter(colours)) as printer:
                print_remote(remote, wanted, printer, process=process)
            return 0
    kernel = find(list_all(), word)
    if process:
        print_process_log(kernel, tail=wanted.tail, follow=wanted.follow, colours=colours)
        return 0
    with contextlib.closing(OutputPrinter(colours)) as printer:
        if kernel.is_ours:
            _print_recorded(kernel, wanted, printer)
        elif wanted.follow:
            _print_live(kernel, printer)
        else:
            raise KernelError(
                f"nothing is recorded of {kernel.name}, which kerneltui has not started; "
                "-f prints what its cells print from now on"
            )
    return 0


def _print_recorded(kernel: Listed, wanted: Wanted, printer: OutputPrinter) -> None:
    path = recording_path(kernel.connection_file, kernel.id)
    said = RecordedOutput(path, read_connection_file(kernel.connection_file), wanted.since)
    pieces = said.read()
    printer.print(pieces if wanted.tail is None else last_lines(pieces, wanted.tail))
    if wanted.follow:
        recorder, followed = KeeperStarter(runtime_folder(), warn), Followed(kernel)
        while followed.goes_on():
            recorder.ensure()
            time.sleep(POLL)
            printer.print(said.read())
        _wait_for_last_words(path)
        printer.print(said.read())
    printer.print(said.missing(is_recorded=is_recorded(runtime_folder())))


def _wait_for_last_words(path: Path) -> None:
    deadline = time.monotonic() + LAST_WORDS
    while unheard_since(path) is not None and time.monotonic() < deadline:
        time.sleep(POLL / 10)


class RecordedOutput:
    """The output in one kernel's recording."""

    def __init__(self, path: Path, info: ConnectionInfo, since: float) -> None:
        self._path = path
        self._reader = RecordingReader(path)
        self._info = info
        self._since = since
        self._session = session_for(info)
        self._output = CellOutput()

    def read(self) -> Iterator[Piece]:
        """Yield what was recorded since the last call. Raises OSError."""
        for record in self._reader.read():
            if isinstance(record.value, ProcessStarted):
                self._session = session_for(self._info)
            elif record.at >= self._since:
                yield from self._pieces(record)

    def missing(self, *, is_recorded: bool) -> Iterable[Piece]:
        """Return a line on a gap after the last record; () if there is none.

        `is_recorded`: a recorder runs, and will record the gap itself.
        """
        since = None if is_recorded else unheard_since(self._path)
        if since is None:
            return ()
        gap = Gap(since, time.time(), NOT_RECORDED)
        return self._output.lines("stderr", describe_gap(gap))

    def _pieces(self, record: Record) -> Iterable[Piece]:
        if isinstance(record.value, Gap):
            return self._output.lines("stderr", describe_gap(record.value))
        if not isinstance(record.value, list):
            return ()
        raw = RawMessage(record.value)
        if raw.msg_type not in OUTPUT_TYPES:
            return ()
        try:
            return _pieces(self._output, self._session.believe(raw))
        except ProtocolError:  # it was recorded unverified, and is not authentic
            return ()


def describe_gap(gap: Gap) -> str:
    """Return the line that stands where output may be missing."""
    since, until = (time.strftime("%H:%M:%S", time.localtime(at)) for at in (gap.since, gap.until))
    span = f"at {since}" if since == until else f"from {since} to {until}"
    return clean_line(f"[something may be missing {span}: {gap.why}]")


def _print_live(kernel: Listed, printer: OutputPrinter) -> None:
    """Print the output of a kernel that another program has started, from now on."""
    output, client = CellOutput(), client_of(kernel)
    client.start_channels(shell=False, stdin=False, hb=False, control=False)
    try:
        while True:
            printer.print(_pieces(output, client.get_iopub_msg()))
    except KernelDied:
        pass
    finally:
        client.stop_channels()


def _pieces(output: CellOutput, message: Message) -> Iterable[Piece]:
    return output.of(message["msg_type"], message["content"])
