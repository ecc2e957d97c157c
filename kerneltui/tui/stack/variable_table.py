"""Variables as a table, for the screen and for the command line. Pure; loads no Textual."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerneltui.formats import aligned, memory

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.variable import Variable

TITLES = ("NAME", "TYPE", "SHAPE", "SIZE", "VALUE")
MAX_COLUMN = 40  # cells


def variable_table(variables: Sequence[Variable]) -> list[str]:
    """Return a line of titles, and a line for each variable; an estimated size has a ~."""
    return aligned([TITLES, *map(_cells, variables)], MAX_COLUMN)


def _cells(variable: Variable) -> tuple[str, ...]:
    size = ("" if variable.is_exact else "~") + memory(variable.size)
    return variable.name, variable.type, variable.extent, size, variable.value
