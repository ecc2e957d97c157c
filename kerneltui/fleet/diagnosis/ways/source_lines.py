"""SourceLines: the source lines of frames, read from files when first asked for."""

from __future__ import annotations

import tokenize
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kerneltui.bounded import Bounded
from kerneltui.fleet.diagnosis.stack import Frame, clean_frame
from kerneltui.frozen import frozen
from kerneltui.private_file import read_regular

MAX_FILE = 2_000_000  # bytes
MAX_FILES = 100  # kept


@frozen
class _Lines:
    """The lines of a file. A look needs one line of each file, so only that is decoded."""

    lines: tuple[bytes, ...] = ()

    def line(self, number: int) -> str:
        """Return the line with Python's line number `number`; "" if there is none."""
        if not 0 < number <= len(self.lines):
            return ""
        try:
            encoding, _ = tokenize.detect_encoding(iter(self.lines[:2]).__next__)
        except SyntaxError:
            encoding = "utf-8"
        return self.lines[number - 1].decode(encoding, "replace")


class SourceLines:
    """Used by several threads: what is kept is replaced as a whole, file by file."""

    def __init__(self, read: Callable[[Path, int], bytes] = read_regular) -> None:
        self._read = read
        self._files: Bounded[tuple[str, float], _Lines] = Bounded(MAX_FILES)

    def with_source(self, frame: Frame) -> Frame:
        """Return the frame with the text of its line, if that can be read."""
        if frame.source or frame.line is None or not frame.file.startswith("/"):
            return frame
        lines = self._lines(Path(frame.file))
        return clean_frame(replace(frame, source=lines.line(frame.line)))

    def _lines(self, path: Path) -> _Lines:
        try:
            key = str(path), path.stat().st_mtime
            if key in self._files:
                return self._files[key]
            self._files[key] = lines = _Lines(tuple(self._read(path, MAX_FILE).splitlines()))
        except OSError:
            return _Lines()
        return lines
