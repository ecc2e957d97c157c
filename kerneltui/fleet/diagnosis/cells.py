"""Cells: finds the numbered cell behind a file name in a Python traceback. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from kerneltui.frozen import frozen

_SEED = 0xC70F6907  # ipykernel's
_FACTOR = 0x5BD1E995
_WORD = 0xFFFFFFFF
REMEMBERED = 1_000  # names of cells
_FOLDERS = ("ipykernel_", "xpython_")  # before the pid
_NUMBERED = re.compile(r"<ipython-input-(\d{1,9})-")


@frozen
class Cell:
    """Code that was run."""

    number: int | None
    """n of "In [n]"; None if the kernel has not told it yet."""
    code: str


def is_cell(file: str) -> bool:
    """Tell whether a file's name stands for a cell, and not for a file on the disk."""
    return _NUMBERED.match(file) is not None or _is_hashed(PurePosixPath(file))


def _is_hashed(path: PurePosixPath) -> bool:
    return path.parent.name.startswith(_FOLDERS)


def cell_number(file: str, cells: Iterable[Cell]) -> int | None:
    """Return the number under which the code of `file` ran last; None if it is not known.

    ipykernel names a cell's file by a hash of the code, IPython by its number.
    """
    if numbered := _NUMBERED.match(file):
        return int(numbered[1])
    found = cell_of(file, cells)
    return found.number if found else None


def cell_of(file: str, cells: Iterable[Cell]) -> Cell | None:
    """Return the last of `cells` whose code has this file name in ipykernel; None if none has."""
    path = PurePosixPath(file)
    if not _is_hashed(path):
        return None
    found = [each for each in cells if f"{text_hash(each.code)}.py" == path.name]
    return found[-1] if found else None


@functools.lru_cache(REMEMBERED)
def text_hash(code: str) -> int:
    """Return the number by which ipykernel names the file of a cell's code."""
    return _murmur2(code.encode("utf-8", "replace"))


def _murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2, as ipykernel/compiler.py computes it."""
    hashed = _SEED ^ len(data)
    whole = len(data) & ~3
    for index in range(0, whole, 4):
        part = int.from_bytes(data[index : index + 4], "little") * _FACTOR & _WORD
        part = (part ^ part >> 24) * _FACTOR & _WORD
        hashed = hashed * _FACTOR & _WORD ^ part
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * _FACTOR & _WORD
    hashed = (hashed ^ hashed >> 13) * _FACTOR & _WORD
    return hashed ^ hashed >> 15
