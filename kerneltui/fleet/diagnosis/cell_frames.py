"""Which cell a frame is in, where the way that has told the frame does not say. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kerneltui.fleet.diagnosis.cells import Cell, cell_of
from kerneltui.fleet.diagnosis.stack import Frame, clean_frame


def with_cell(frame: Frame, cells: Iterable[Cell]) -> Frame:
    """Return a frame of a cell with its number and its line, if it is one of `cells`."""
    cell = cell_of(frame.file, cells) if frame.cell is None else None
    if cell is None:
        return frame
    lines = cell.code.splitlines()
    number = frame.line or 0
    source = lines[number - 1] if 0 < number <= len(lines) else ""
    return clean_frame(replace(frame, cell=cell.number, source=source))
