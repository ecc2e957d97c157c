"""KeptInput: a line of text that acts while it is typed; the key line shows its keys."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from kerneltui.tui.widgets.text_input import TextInput


class KeptInput(TextInput, inherit_bindings=False):
    """Its text is in effect already; Enter keeps it. Up and down are not bound."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep"),
        *Input.BINDINGS,
    ]
