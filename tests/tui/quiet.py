"""Waits until an app under test has nothing left to do, and reads its screen."""

from __future__ import annotations

import asyncio
from typing import Any

from textual._context import visible_screen_stack
from textual.app import App


async def quiet(app: App[Any]) -> None:
    """Return once every widget has read its messages and what they changed is painted.

    Pilot's own pauses wait for an idle processor: slow, and not more reliable. All of Textual
    runs as tasks of one loop, so the loop knows whether any can go on, except timers and threads.
    """
    loop = asyncio.get_running_loop()
    while app.is_running:
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined]
            for behind in app._background_screens:  # they are visible as well
                if behind._layout_required or behind._dirty_widgets:
                    behind._on_timer_update()
            app.screen._on_timer_update()
            if not loop._ready:  # type: ignore[attr-defined]
                return


def painted(app: App[Any]) -> str:
    """Return what is on the screen, as text."""
    visible_screen_stack.set(app._background_screens)
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text for strip in strips)
