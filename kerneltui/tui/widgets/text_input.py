"""TextInput: a line that the user types, pastes or takes up again, safe to show."""

from __future__ import annotations

from textual.widgets import Input

from kerneltui.tui.widgets.source import visible


class TextInput(Input):
    """What is pasted may hold escapes, which Textual would hand on to the terminal."""

    def validate_value(self, value: str) -> str:
        """Put a sign in the place of every control, one for one, as the cursor counts them."""
        return visible(" ".join(value.replace("\t", " ").split("\n")))
