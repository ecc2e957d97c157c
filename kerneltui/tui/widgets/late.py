"""Late: a widget that is made and mounted when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.widget import Widget

W_co = TypeVar("W_co", bound=Widget, covariant=True)


class Late(Generic[W_co]):
    """For a widget that most starts never show: each mounted widget makes styling slower.

    Once mounted, it can be used and focused at once; messages to it wait.
    """

    def __init__(self, make: Callable[[], W_co], mount: Callable[[W_co], object]) -> None:
        self._make = make
        self._mount = mount
        self.made: W_co | None = None
        """None until it is first used."""

    @property
    def widget(self) -> W_co:
        if self.made is None:
            self.made = self._make()
            self._mount(self.made)
        return self.made

    def make(self) -> None:
        """Make and mount it now, unless that is done."""
        _ = self.widget

    @property
    def is_shown(self) -> bool:
        return self.made is not None and self.made.display

    def hide(self) -> None:
        if self.made is not None:
            self.made.display = False
