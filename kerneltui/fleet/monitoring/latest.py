"""Latest: what a kernel does, read once from the end of its recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kerneltui.errors import ProtocolError
from kerneltui.fleet.keeper.recording.format import Record
from kerneltui.fleet.keeper.recording.recording import read_end, read_recording
from kerneltui.fleet.monitoring.iopub_facts import (
    IopubFacts,
    is_activity,
    reported,
    with_cell,
    with_status,
)
from kerneltui.frozen import frozen
from kerneltui.kernels.connection.session import ClientSession, session_for
from kerneltui.protocol.connection import ConnectionInfo
from kerneltui.protocol.message import Message
from kerneltui.protocol.period import Period
from kerneltui.protocol.raw_message import RawMessage
from kerneltui.protocol.status import KernelState, KernelStatus, advance

_TOLD_BY = frozenset({"status", "execute_input"})


@frozen
class Latest:
    """What was recorded about one process. Instants are seconds since the epoch."""

    status: KernelStatus = KernelStatus()
    period: Period = Period()
    """Since when it has been in its present state."""
    iopub: IopubFacts = IopubFacts()
    """Its `executions` count only what is at the end of the recording."""
    is_telling: bool = False
    """Whether any record is about the main shell."""

    @property
    def code(self) -> str:
        """The code that runs; "" if none does, or it was not recorded."""
        is_running = self.status.state is KernelState.BUSY
        return self.iopub.code if is_running and self.status.running == self.iopub.request else ""


def read_latest(path: Path, info: ConnectionInfo, started_at: float) -> Latest | None:
    """Return what was recorded about the process that was started at `started_at`.

    None if there is no recording. The end of the file is usually enough; if a flood of output fills
    it, all of the file is read.
    """
    try:
        latest = _latest_of(read_end(path), info, started_at)
        if latest.is_telling:
            return latest
        return _latest_of(read_recording(path), info, started_at)
    except OSError:
        return None


def _latest_of(records: Iterable[Record], info: ConnectionInfo, started_at: float) -> Latest:
    session, latest = session_for(info), Latest()
    for record in records:
        if isinstance(record.value, list) and record.at >= started_at:
            latest = _with(latest, record.at, record.value, session)
    return latest


def _with(latest: Latest, at: float, frames: list[bytes], session: ClientSession) -> Latest:
    raw = RawMessage(frames)
    if raw.msg_type not in _TOLD_BY:
        return latest
    try:
        message = session.believe(raw)
    except ProtocolError:
        return latest
    if is_activity(message):
        latest = replace(latest, iopub=replace(latest.iopub, last_activity=at))
    return _told(latest, at, message)


def _told(latest: Latest, at: float, message: Message) -> Latest:
    if message["msg_type"] == "execute_input":
        return replace(latest, iopub=with_cell(latest.iopub, message))
    event, before = reported(message), latest.status
    return replace(
        latest,
        status=advance(before, event),
        period=latest.period.after(before, event, at),
        is_telling=latest.is_telling or is_activity(message),
        iopub=with_status(latest.iopub, event),
    )
