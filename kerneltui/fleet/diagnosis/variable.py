"""Variable: a name in a kernel, with the type and size of its value. Pure."""

from __future__ import annotations

from typing import Any

from kerneltui.frozen import frozen
from kerneltui.protocol import fields
from kerneltui.protocol.text import clean_line

NAME_WIDTH = 100  # characters
VALUE_WIDTH = 100
MAX_SIZE = 1 << 60  # bytes
DIMENSIONS = 8


@frozen
class Variable:
    """One name. Its texts are clean, as `protocol.text` makes them."""

    name: str
    type: str
    size: int
    """Bytes, with the objects that it holds."""
    is_exact: bool = True
    """All that it holds was counted; else the size is an estimate."""
    shape: tuple[int, ...] | None = None
    """Lengths of an array or a table; for a container, how many items it holds; else None."""
    value: str = ""
    """The repr of a number or of the beginning of a text; "" for everything else."""

    @property
    def extent(self) -> str:
        """Its shape, for a person: "1000x20"."""
        return "" if self.shape is None else "x".join(map(str, self.shape)) or "scalar"

    def to_json(self) -> dict[str, Any]:
        """Return it as `kerneltui stack --variables --json` prints it."""
        return {
            "name": self.name,
            "type": self.type,
            "shape": None if self.shape is None else list(self.shape),
            "size": self.size,
            "exact": self.is_exact,
            "value": self.value or None,
        }


def read_variables(told: object) -> tuple[Variable, ...]:
    """Return the variables that a kernel tells, the largest first; odd shapes are left out."""
    rows = told if isinstance(told, list) else []
    found = [_variable(each) for each in rows if isinstance(each, dict)]
    return tuple(sorted(found, key=lambda each: (-each.size, each.name)))


def _variable(told: fields.Fields) -> Variable:
    return Variable(
        name=clean_line(fields.text(told, "name"), NAME_WIDTH),
        type=clean_line(fields.text(told, "type"), NAME_WIDTH),
        size=fields.whole(told, "size", within=range(MAX_SIZE)),
        is_exact=fields.flag(told, "exact"),
        shape=_shape(told.get("shape")),
        value=clean_line(fields.text(told, "value"), VALUE_WIDTH),
    )


def _shape(told: object) -> tuple[int, ...] | None:
    if not isinstance(told, list):
        return None
    return tuple(each for each in told[:DIMENSIONS] if isinstance(each, int))
