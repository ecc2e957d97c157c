"""The themes that can be chosen."""

from __future__ import annotations

THEMES = {"dark": "textual-dark", "light": "textual-light"} | {
    name: name
    for name in (
        *("ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe"),
        *("catppuccin-latte", "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki"),
        *("gruvbox", "monokai", "nord", "rose-pine", "rose-pine-dawn", "rose-pine-moon"),
        *("solarized-dark", "solarized-light", "textual-dark", "textual-light"),
        "tokyo-night",
    )
}
"""What may be written, and Textual's name for it; ansi-… are the terminal's own 16 colours."""
