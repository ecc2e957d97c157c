"""The keys that change how the main screen follows the kernels, and how high its panes are."""

from __future__ import annotations

from textual.screen import Screen

from kerneltui.tui.config.session_state import SPLITS
from kerneltui.tui.main.refresh_rate import RefreshRate


class ViewActions(Screen[None]):
    """Mixed into a screen; named after the registry's ids."""

    refresh_rate: RefreshRate
    split: int
    """Percent of the screen that the table may take."""

    def look(self) -> None:
        """Show what is true now, paused or not."""
        raise NotImplementedError

    def attend(self) -> None:
        """Show all that does not wait for the next look at the kernels."""
        raise NotImplementedError

    def action_view_pause(self) -> None:
        self.refresh_rate.paused = not self.refresh_rate.paused
        if self.refresh_rate.paused:
            self.attend()
        else:
            self.look()

    def action_view_refresh(self) -> None:
        self.look()

    def action_view_faster(self) -> None:
        self.refresh_rate.hasten()
        self.attend()

    def action_view_slower(self) -> None:
        self.refresh_rate.slow_down()
        self.attend()

    def action_view_grow(self) -> None:
        self.resplit(min((split for split in SPLITS if split > self.split), default=SPLITS[-1]))

    def action_view_shrink(self) -> None:
        self.resplit(max((split for split in SPLITS if split < self.split), default=SPLITS[0]))

    def resplit(self, split: int) -> None:
        self.remove_class(*(f"-split-{each}" for each in SPLITS))
        self.add_class(f"-split-{split}")
        self.split = split
