"""ViewActions: pause and refresh rate of the main screen, and the sizes of its parts.

CSS classes of the screen set the sizes: `-split-55`, `-zoom-table`.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Size
from textual.screen import Screen

from kerneltui.tui.config.session_state import SPLITS
from kerneltui.tui.main.kernel_screen import Commands
from kerneltui.tui.main.refresh_rate import RefreshRate
from kerneltui.tui.table.kernel_table import KernelTable
from kerneltui.tui.terminal.base_app import SIDE_BY_SIDE

ZOOMS = ("-zoom-table", "-zoom-output")
ROOMY = Size(120, 40)
"""From this size on the output can be read below the table."""


class ViewActions:
    """Pause, speed, heights and zoom."""

    def __init__(
        self,
        screen: Screen[None],
        rate: RefreshRate,
        split: int,
        *,
        look: Callable[[], None],
        attend: Callable[[], None],
        in_output: Callable[[], bool],
    ) -> None:
        """`look`: shows the kernels' current state, paused or not.

        `attend`: shows only what a pause does not stop.
        `split`: percent of the screen that the table may take. `in_output`: tells whether the
        focus is in the lower part.
        """
        self._screen = screen
        self._rate = rate
        self._look = look
        self._attend = attend
        self._in_output = in_output
        self.split = split
        self._entered_from_zoom = False
        self._resplit(split)

    @property
    def commands(self) -> Commands:
        return {
            "view.pause": self._pause,
            "view.refresh": self._look,
            "view.faster": self._faster,
            "view.slower": self._slower,
            "view.grow": self._grow,
            "view.shrink": self._shrink,
            "view.zoom": self._zoom,
        }

    def _pause(self) -> None:
        self._rate.paused = not self._rate.paused
        if self._rate.paused:
            self._attend()
        else:
            self._look()

    def _faster(self) -> None:
        self._rate.hasten()
        self._attend()

    def _slower(self) -> None:
        self._rate.slow_down()
        self._attend()

    def _grow(self) -> None:
        self._resplit(min((split for split in SPLITS if split > self.split), default=SPLITS[-1]))

    def _shrink(self) -> None:
        self._resplit(max((split for split in SPLITS if split < self.split), default=SPLITS[0]))

    def _resplit(self, split: int) -> None:
        self._screen.remove_class(*(f"-split-{each}" for each in SPLITS))
        self._screen.add_class(f"-split-{split}")
        self.split = split

    def enter_output(self) -> None:
        """Give the output the whole screen if the screen is small."""
        self._entered_from_zoom = self._screen.has_class("-zoom-table")
        self._screen.remove_class(*ZOOMS)
        if not is_roomy(self._screen.size):
            self._screen.add_class("-zoom-output")

    def return_to_table(self) -> None:
        """Show the table as it was before the output was entered."""
        self._screen.remove_class(*ZOOMS)
        if self._entered_from_zoom:
            self._screen.add_class("-zoom-table")
        self._entered_from_zoom = False

    def _zoom(self) -> None:
        if any(self._screen.has_class(zoom) for zoom in ZOOMS):
            self._screen.remove_class(*ZOOMS)
        elif self._in_output():
            self._screen.add_class("-zoom-output")
        else:
            self._screen.add_class("-zoom-table")
            self._screen.set_focus(self._screen.query_one(KernelTable))  # the console is hidden


def is_roomy(size: Size) -> bool:
    """Tell whether table and output can both be read on a screen of this size."""
    is_large = size.width >= ROOMY.width and size.height >= ROOMY.height
    return is_large or size.width >= SIDE_BY_SIDE
