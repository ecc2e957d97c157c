"""The code of a frame is found by the name that ipykernel gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.diagnosis.cell_frames import with_cell
from kerneltui.fleet.diagnosis.cells import Cell, text_hash
from kerneltui.fleet.diagnosis.stack import Frame
from kerneltui.fleet.diagnosis.ways.source_lines import SourceLines

CODE = "x = 1\nnap()"


@pytest.mark.parametrize("code", ["", "a", "ab", "abc", "abcd", CODE, "ä\n" * 9, "x" * 1001])
def test_a_text_has_the_hash_that_ipykernel_gives_it(code: str) -> None:
    compiler = pytest.importorskip("ipykernel.compiler")

    assert text_hash(code) == compiler.murmur2_x86(code, compiler.get_tmp_hash_seed())


def test_a_frame_of_a_cell_gets_its_number_and_its_line() -> None:
    frame = Frame(f"/tmp/ipykernel_7/{text_hash(CODE)}.py", 2, "<module>")

    found = with_cell(frame, [Cell(3, "other"), Cell(4, CODE)])

    assert (found.place, found.source) == ("In [4], line 2", "nap()")


@pytest.mark.parametrize(
    "frame",
    [
        Frame(f"/tmp/ipykernel_7/{text_hash('lost')}.py", 1, "f"),
        Frame("/home/ana/load.py", 1, "f"),
        Frame(f"/tmp/ipykernel_7/{text_hash(CODE)}.py", 1, "f", cell=9),
    ],
    ids=["unknown", "a file", "told already"],
)
def test_other_frames_stay_as_they_are(frame: Frame) -> None:
    assert with_cell(frame, [Cell(4, CODE)]) == frame


def test_the_line_of_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "load.py"
    file.write_bytes(b"# -*- coding: latin-1 -*-\nname = '\xe4'\n")
    sources = SourceLines()

    assert sources.with_source(Frame(str(file), 2, "f")).source == "name = 'ä'"
    assert sources.with_source(Frame(str(file), 9, "f")).source == ""
    assert sources.with_source(Frame(str(tmp_path / "gone.py"), 1, "f")).source == ""
    assert sources.with_source(Frame("relative.py", 1, "f")).source == ""
