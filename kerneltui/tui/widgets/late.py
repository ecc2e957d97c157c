"""Late: a widget that is made and mounted when it is first wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.widget import Widget

W_co = TypeVar("W_co", bound=Widget, covariant=True)


class Late(Generic[W_co]):
    """What most starts never show, and should not pay for: every widget is styled again and again.

    A mounted widget can be told things and be focused at once; what is sent to it waits.
    """

    def __init__(self, make: Callable[[], W_co], mount: Callable[[W_co], object]) -> None:
        self._make = make
        self._mount = mount
        self.made: W_co | None = None
        """None as long as nobody has wanted it."""

    @property
    def widget(self) -> W_co:
        if self.made is None:
            self.made = self._make()
            self._mount(self.made)
        return self.made

    def make(self) -> None:
        """Have it there, though nothing is to be told it yet."""
        _ = self.widget

    @property
    def is_shown(self) -> bool:
        return self.made is not None and self.made.display

    def hide(self) -> None:
        if self.made is not None:
            self.made.display = False
