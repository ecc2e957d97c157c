"""Floor 3: the dashboard, a Textual app."""
