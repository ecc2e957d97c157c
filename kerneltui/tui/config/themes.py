"""The themes that can be chosen, and our own light theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.theme import Theme

PAPER = "paper"
THEMES = {"dark": "textual-dark", "light": PAPER} | {
    name: name
    for name in (
        *("ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe"),
        *("catppuccin-latte", "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki"),
        *("gruvbox", "monokai", "nord", PAPER, "rose-pine", "rose-pine-dawn", "rose-pine-moon"),
        *("solarized-dark", "solarized-light", "textual-dark", "textual-light"),
        "tokyo-night",
    )
}
"""Names for the configuration, and Textual's names; ansi-… use the terminal's 16 colours."""


def paper() -> Theme:
    """Return our theme of dark text on white: Textual's light theme is grey."""
    from textual.theme import Theme  # imported here: reading a configuration should not pay for it

    return Theme(
        PAPER,
        primary="#004578",
        secondary="#0178D4",
        warning="#B45F06",
        error="#B3261E",
        success="#1E7B3A",
        accent="#8A4B08",
        background="#FFFFFF",
        surface="#F6F6F4",
        panel="#EBEBE8",
        dark=False,
    )
