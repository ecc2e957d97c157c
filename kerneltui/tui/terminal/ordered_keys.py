"""OrderedKeysApp: handles one key at a time, so that each meets the result of the one before.

Textual sends a key to the widget that has the focus when the key arrives, and acts on it
later. So keys that arrive together, as over a slow line, would all go to one widget: after
"c", the code that is typed for the console would be orders to the table. Pasted text waits
in the same queue as the keys.

So a dialog that opens late, as after a look at another machine, would get what is typed for
something else. `push_late` opens it only if the user has waited for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen

Typed = events.Key | events.Paste
ROUNDS = 3  # ways up: of a key, of a message that it causes, and of a changed focus
PATIENCE = 10.0  # seconds that a key waits for what it needs; then its refusal is shown
LOOK = 0.2  # seconds between two checks whether the widget that handles a key was removed
LOST = 10.0  # seconds after which a key counts as handled, whatever its widget still does


class OrderedKeysApp(App[None]):
    """An app that handles a key after the key before it has been handled.

    Keys wait for the first call of `release_keys`: keys typed while an app starts are meant for
    the screen to come. A key that must wait longer is held until the next call, with all after it.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._keys: deque[Typed] = deque()
        """Keys that are not handled yet; unless they are held, the first one is being handled."""
        self._held = True
        self._handled_by: MessagePump = self
        """The node that has the first key, or a message that it causes, in its queue."""
        self.inputs = 0
        """How many keys, pastes and presses of a mouse button have been acted on so far."""

    @property
    def has_keys_to_handle(self) -> bool:
        return bool(self._keys)

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, Typed) or event.is_forwarded:
            if isinstance(event, events.MouseDown) and not event.is_forwarded:
                self.inputs += 1
            await super().on_event(event)
            return
        self._keys.append(event)
        if len(self._keys) == 1 and not self._held:
            await self._send_key()

    def push_late(
        self,
        screen: Screen[Any],
        answered: Callable[[Any], None] | None = None,
        *,
        since: int,
        otherwise: Callable[[], None],
    ) -> None:
        """Show a dialog that the user's input number `since` has led to.

        If more has come from the user since, call `otherwise`: what comes next is not for it.
        """

        def push() -> None:
            if self.inputs == since and len(self._keys) < 2:
                self.push_screen(screen, answered)
            else:
                otherwise()

        self.call_later(push)  # after the keys that have been read already

    def must_wait(self, key: events.Key) -> bool:  # noqa: ARG002 -- for subclasses
        """Tell whether a key needs something that is not ready; then call `release_keys` later."""
        return False

    async def release_keys(self) -> None:
        if self._held:
            self._held = False
            if self._keys:
                await self._send_key()

    async def _send_key(self) -> None:
        key = self._keys[0]
        if isinstance(key, events.Key) and self.must_wait(key):
            self._held = True
            self.set_timer(PATIENCE, partial(self._send_unready, key))
        else:
            await self._handle(key)

    async def _send_unready(self, key: events.Key) -> None:
        """Handle a key that has waited too long."""
        if self._held and self._keys[0] is key:
            self._held = False
            await self._handle(key)

    async def _handle(self, key: Typed) -> None:
        self.inputs += 1
        way = self._way()
        await super().on_event(key)
        self._follow(key, way)
        self.set_timer(LOOK, partial(self._look_after, key, time.monotonic() + LOST))

    def _way(self) -> Iterator[DOMNode]:
        """Yield the nodes that a key passes on its way up, then those that its messages pass."""
        for _ in range(ROUNDS):
            node: DOMNode | None = self.focused or self.screen
            while node is not None:
                yield node
                node = node.parent

    def _follow(self, key: Typed, way: Iterator[DOMNode]) -> None:
        """Queue a call behind the key, and behind its messages, at each node on the way."""
        for node in way:
            if node.call_later(partial(self._follow, key, way)):
                self._handled_by = node
                return
        self.call_later(self._finish, key)

    async def _look_after(self, key: Typed, deadline: float) -> None:
        """Go on with the next key if the widget that handles this one is gone, or hangs."""
        if not self._keys or self._keys[0] is not key:
            return
        if self._handled_by.is_running and time.monotonic() < deadline:
            self.set_timer(LOOK, partial(self._look_after, key, deadline))
        else:
            await self._finish(key)

    async def _finish(self, key: Typed) -> None:
        if not self._keys or self._keys[0] is not key:
            return
        self._keys.popleft()
        if self._keys:
            await self._send_key()
