"""Finds the cell of a frame if the way that found the frame does not tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kerneltui.fleet.diagnosis.cells import Cell, cell_of
from kerneltui.fleet.diagnosis.stack import Frame, clean_frame


def with_cell(frame: Frame, cells: Iterable[Cell]) -> Frame:
    """Return the frame with the number and source line of its cell, if that is in `cells`."""
    cell = cell_of(frame.file, cells) if frame.cell is None else None
    if cell is None:
        return frame
    lines = cell.code.splitlines()
    number = frame.line or 0
    source = lines[number - 1] if 0 < number <= len(lines) else ""
    return clean_frame(replace(frame, cell=cell.number, source=source))
