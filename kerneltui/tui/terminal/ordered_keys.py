"""OrderedKeysApp: one key at a time, so that each is for what the one before has brought about.

Textual sends a key to the widget that has the focus when the key arrives, and acts on it
later. Keys that arrive together, as over a slow line, would so all go to one widget: of
"c" and code typed after it, the code would be orders to the table. Text that is pasted is in
line with the keys.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from functools import partial

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump

Typed = events.Key | events.Paste
ROUNDS = 3  # ways up: a key's, that of a message which it causes, and that of a changed focus
PATIENCE = 10.0  # seconds that a key waits for what it needs; then it is said why it cannot act
LOOK = 0.2  # seconds between two looks whether the widget that handles a key was removed
LOST = 10.0  # seconds after which a key is taken for done, whatever its widget still does


class OrderedKeysApp(App[None]):
    """An app that handles a key when the one before has been handled.

    Keys wait for the first `release_keys`: what is typed while an app starts is for what
    it will show. A key that needs more waits for the next one, and those behind it with it.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._keys: deque[Typed] = deque()
        """Those not handled yet; unless they are held, the first one is under way."""
        self._held = True
        self._handled_by: MessagePump = self
        """Who has the first key, or what it causes, in its queue."""

    @property
    def has_keys_to_handle(self) -> bool:
        return bool(self._keys)

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, Typed) or event.is_forwarded:
            await super().on_event(event)
            return
        self._keys.append(event)
        if len(self._keys) == 1 and not self._held:
            await self._send_key()

    def must_wait(self, key: events.Key) -> bool:  # noqa: ARG002 -- for who overrides it
        """Tell whether a key needs what is not there yet; `release_keys` is called when it is."""
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
        """Have a key handled that has waited for too long."""
        if self._held and self._keys[0] is key:
            self._held = False
            await self._handle(key)

    async def _handle(self, key: Typed) -> None:
        way = self._way()
        await super().on_event(key)
        self._follow(key, way)
        self.set_timer(LOOK, partial(self._look_after, key, time.monotonic() + LOST))

    def _way(self) -> Iterator[DOMNode]:
        """Yield whom a key passes through on its way up, and then the messages that it causes."""
        for _ in range(ROUNDS):
            node: DOMNode | None = self.focused or self.screen
            while node is not None:
                yield node
                node = node.parent

    def _follow(self, key: Typed, way: Iterator[DOMNode]) -> None:
        """Queue behind the key, and behind what it causes, wherever that may be queued."""
        for node in way:
            if node.call_later(partial(self._follow, key, way)):
                self._handled_by = node
                return
        self.call_later(self._finish, key)

    async def _look_after(self, key: Typed, deadline: float) -> None:
        """Go on with the next key where the widget that handled this one is gone, or hangs."""
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
