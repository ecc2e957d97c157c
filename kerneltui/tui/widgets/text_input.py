"""TextInput: a line of text that is safe to show, whatever the user pastes."""

from __future__ import annotations

from textual.widgets import Input

from kerneltui.tui.widgets.source import visible


class TextInput(Input):
    """Pasted text may contain escapes, which Textual would pass on to the terminal."""

    def validate_value(self, value: str) -> str:
        """Replace each control character by one sign, so that cursor positions stay right."""
        return visible(" ".join(value.replace("\t", " ").split("\n")))
