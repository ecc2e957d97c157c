"""The least time for the whole first screen: a Textual app with a table of one row."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable


class BareTableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable[str]()

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("NAME", "STATE")
        table.add_row("bare", "idle")


if __name__ == "__main__":
    BareTableApp().run()
