"""Mailbox: passes orders from other threads to a thread that waits for sockets."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

Order = Callable[[], None]


class Mailbox:
    """A queue of orders (functions to call); a poller finds it readable while there are any.

    Its pipe holds one byte while there are orders, so `put` never blocks.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Order] = []
        self._shut = self._closed = False
        self._reader, self._writer = os.pipe()

    def fileno(self) -> int:
        return self._reader

    def put(self, order: Order) -> bool:
        """Have `order` called in the waiting thread; do nothing and return False once shut."""
        with self._lock:
            if self._shut:
                return False
            self._orders.append(order)
            if len(self._orders) == 1:
                os.write(self._writer, b".")
            return True

    def take(self) -> list[Order]:
        """Return all orders, oldest first."""
        with self._lock:
            if self._orders:
                os.read(self._reader, 1)
            orders, self._orders = self._orders, []
            return orders

    def shut(self, last_order: Order) -> None:
        """Take no more orders after this one."""
        self.put(last_order)
        with self._lock:
            self._shut = True

    def close(self) -> None:
        """Close the pipe, once the waiting thread has ended. It may be called again."""
        with self._lock:
            if self._closed:  # others may have its descriptors
                return
            self._shut = self._closed = True
            os.close(self._reader)
            os.close(self._writer)
