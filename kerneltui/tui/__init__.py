"""Floor 3: the Textual dashboard."""
