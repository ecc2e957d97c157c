"""KeptInput: a line of text whose keys are in the key line."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from kerneltui.tui.widgets.text_input import TextInput


class KeptInput(TextInput, inherit_bindings=False):
    """What stands in it holds already; Enter keeps it. It has no use for up and down."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep"),
        *Input.BINDINGS,
    ]
