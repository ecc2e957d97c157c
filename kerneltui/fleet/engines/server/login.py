"""ServerLogin: the session with a server, replaced when the user gives another secret."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from kerneltui.kernels.gateway.server_session import ServerSession

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.exchange import WebsocketPlace


class ServerLogin:
    """For any thread: who asks next asks as who is logged in then."""

    def __init__(self, address: ServerAddress, renew: Callable[[], str] | None) -> None:
        """`renew`: returns a token, as for `ServerSession`."""
        self._renew = renew
        self._session = ServerSession(address, renew)
        self._changing = threading.Lock()
        self._is_closed = False

    @property
    def address(self) -> ServerAddress:
        return self._session.address

    @property
    def api(self) -> GatewayApi:
        return GatewayApi(self._session)

    def websocket(self, path: str) -> WebsocketPlace:
        """Return how to open a websocket. Blocking. Raises KernelError."""
        return self._session.websocket(path)

    def request(self, method: str, path: str) -> object:
        """Return the server's answer. Blocking. Raises KernelError."""
        return self._session.request(method, path)

    def use(self, address: ServerAddress) -> None:
        """Log in by the secrets of this address from now on; what is under way is given up.

        After `close`, nothing is asked by these either.
        """
        with self._changing:
            before, self._session = self._session, ServerSession(address, self._renew)
            if self._is_closed:
                self._session.close()
        before.close()

    def close(self) -> None:
        with self._changing:
            self._is_closed = True
            session = self._session
        session.close()
