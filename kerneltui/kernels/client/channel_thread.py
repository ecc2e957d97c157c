"""ChannelThread: the one thread that may use a client's open channels."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kerneltui.errors import WrongThread


class ChannelThread:
    """Remembers which thread opened the channels, and refuses other threads, as zmq demands.

    Put `with` around each use of a socket. Only closing is allowed in every thread, as a finaliser
    or an exit handler may run in any. Closing does not disturb a use that is under way: the owner
    closes the channels at the end of that use.
    """

    def __init__(self, close_sockets: Callable[[], None]) -> None:
        self._close_sockets = close_sockets
        self._owner: threading.Thread | None = None
        """None while the channels are closed."""
        self._in_use = threading.RLock()
        self._must_close = False

    def claim(self) -> None:
        """Make the calling thread the owner.

        Raises WrongThread while the channels are open in another thread that still runs.
        """
        if self._owner is not None and self._owner.is_alive():
            self.require()
        if self._owner is None:
            self._must_close = False  # it is closed; two threads may have done so at once
        self._owner = threading.current_thread()

    def require(self) -> None:
        """Raise WrongThread in a thread that is not the owner of open channels."""
        owner = self._owner
        if owner is not None and owner.ident != threading.get_ident():
            raise WrongThread(owner.name, threading.current_thread().name)

    def __enter__(self) -> None:
        self.require()
        self._in_use.acquire()

    def __exit__(self, *_error: object) -> None:
        self._in_use.release()
        if self._must_close:
            self.close()

    def close(self) -> None:
        """Close the channels now, or as soon as the owner has finished using them."""
        # Set before the lock is tried: the owner looks at it after releasing the lock.
        self._must_close = True
        if not self._in_use.acquire(blocking=False):
            return
        try:
            self._must_close = False
            self._owner = None
            self._close_sockets()
        finally:
            self._in_use.release()
