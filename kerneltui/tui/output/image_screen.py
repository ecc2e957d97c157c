"""The screen that shows one picture as large as the terminal can."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from kerneltui.fleet.transcript.image import Picture
from kerneltui.tui.output.thumbnail import BROKEN, FORMATS, can_draw

MAX_PIXELS = 40_000_000
"""Of the source: to decode so many takes a second, and 120 MB meanwhile."""

ImageWidget = Callable[[Any], Widget]
"""Makes the widget that shows a Pillow image: by kitty's protocol, sixel or half blocks."""


class ImageScreen(Screen[None]):
    """The picture, and its label."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", show=False),
        Binding("ctrl+s", "save", show=False),
    ]

    def __init__(self, picture: Picture, widget: ImageWidget, save: Callable[[], object]) -> None:
        super().__init__()
        self._picture = picture
        self._widget = widget
        self._save = save

    def compose(self) -> ComposeResult:
        picture = self._picture
        yield Static(f"{picture.label}  Ctrl+S saves  Esc closes", classes="title", markup=False)
        with Container():
            if picture.width * picture.height > MAX_PIXELS:
                yield Static("too large to be shown; it can be saved", markup=False)
            elif (image := decoded(picture)) is None:
                yield Static("this is not a picture that can be shown", markup=False)
            else:
                yield self._widget(image)

    def action_save(self) -> None:
        self._save()


def decoded(picture: Picture) -> object | None:
    """Return the picture as a Pillow image; None if it is broken."""
    from PIL import Image  # of the extra `images`, and slow to load

    try:
        with Image.open(io.BytesIO(picture.data), formats=FORMATS) as image:
            return image.convert("RGB")
    except (*BROKEN, Image.DecompressionBombError):
        return None


def image_widget(app: App[object]) -> ImageWidget | None:
    """Return the class of widget that shows pictures; None without the extra `images`.

    When textual-image is loaded, it asks the terminal what it can show. Textual is suspended
    meanwhile: it would take the terminal's answer for keys.
    """
    if not can_draw():
        return None
    with contextlib.ExitStack() as lent:
        if "textual_image.widget" not in sys.modules:
            with contextlib.suppress(SuspendNotSupported):
                lent.enter_context(app.suspend())
        from textual_image.widget import Image
    return Image
