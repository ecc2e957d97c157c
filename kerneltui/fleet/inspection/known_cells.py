"""The cells that a kernel has run, by which the frames of a stack are named."""

from __future__ import annotations

import time

from kerneltui.fleet.diagnosis.cells import Cell
from kerneltui.fleet.diagnosis.ways.subject import Subject
from kerneltui.fleet.keeper.recording.recording import recording_path
from kerneltui.fleet.monitoring.iopub_facts import IopubFacts
from kerneltui.fleet.monitoring.latest import read_latest


def known_cells(subject: Subject, heard: IopubFacts) -> tuple[Cell, ...]:
    """Return the cells that were heard; if none were, those in the recording."""
    age = subject.identity.age() if subject.identity is not None else None
    if heard.cells or subject.manager is None or age is None:
        return heard.cells
    path = recording_path(subject.manager.connection_file, subject.kernel_id)
    latest = read_latest(path, subject.manager.connection_info, time.time() - age)
    return latest.iopub.cells if latest is not None else ()
