"""GatewayKernelManager: one kernel of a Jupyter server or a gateway, used as a local one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kerneltui.errors import ActionRefused, ServerRefused
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.connection.sockets import Context
from kerneltui.kernels.gateway.relay_state import RelayLink
from kerneltui.kernels.gateway.rest import START_TIMEOUT, GatewayApi
from kerneltui.kernels.gateway.server import TIMEOUT, ServerAddress, parse_address
from kerneltui.protocol.status import KernelState

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.relay import Relay


class GatewayKernelManager:
    """Starts, interrupts, restarts and shuts down one kernel of a server. Threads may share it.

    Names and arguments are those of `KernelManager`, as far as a server can do the same. Clients
    speak to the kernel through one websocket, which outlives restarts and broken links. At the end
    of a `with` block, a kernel that was started here is shut down.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        password: str = "",
        headers: Mapping[str, str] | None = None,
        ca_file: str = "",
        client_certificate: str = "",
        client_key: str = "",
        timeout: float = TIMEOUT,
        kernel_name: str = "",
        kernel_id: str = "",
        context: Context | None = None,
    ) -> None:
        """`url`: as in a browser, with its token or without; or the path of a unix socket.

        `timeout`: seconds for a request, except for a start or a restart. `kernel_name`: a
        kernelspec of the server, "" for its default. `kernel_id`: of a kernel that runs there
        already, and that is to be used; it is not shut down at the end of a `with` block. Raises
        ServerError for a URL that cannot be used.
        """
        address = parse_address(url)
        self.address: ServerAddress = replace(
            address,
            token=token or address.token,
            password=password,
            headers=headers or {},
            ca_file=ca_file,
            client_certificate=client_certificate,
            client_key=client_key,
            timeout=timeout,
        )
        self.kernel_name = kernel_name
        self.kernel_id = kernel_id
        """The server's id for the kernel; "" before the start."""
        self.owns_kernel = not kernel_id
        """Whether the kernel is shut down at the end of a `with` block."""
        self._context = context
        from kerneltui.kernels.gateway.server_session import ServerSession  # loads asyncio

        self._session = ServerSession(self.address)
        self._api = GatewayApi(self._session)
        self._turn = threading.Lock()
        """Held through a start, a restart or a shutdown: they come one after the other."""
        self._relay: Relay | None = None
        self._relaying = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            if self.owns_kernel and self.has_kernel:
                self.shutdown_kernel()
        finally:
            self.cleanup_resources()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()}>"

    def describe(self) -> str:
        """Return how this kernel is named in messages."""
        spec = f" ({self.kernel_name})" if self.kernel_name else ""
        return f"kernel {self.kernel_id[:8] or 'not started yet'}{spec} of {self.address}"

    # -- its state ----

    @property
    def has_kernel(self) -> bool:
        """Whether it was started or attached to, and not shut down here."""
        return bool(self.kernel_id)

    def is_alive(self) -> bool:
        """Ask the server whether the kernel runs. Raises ServerError if it cannot be asked."""
        if not self.has_kernel:
            return False
        try:
            return self._api.model(self.kernel_id).state != KernelState.DEAD
        except ServerRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False

    @property
    def relay(self) -> Relay:
        """What clients connect to; opened when it is needed. Raises KernelError.

        If the server has refused to connect it again, clients that come later get another one.
        """
        with self._relaying:
            kernel_id = self._require("connect to")
            if self._relay is not None and self._relay.state.link is RelayLink.CLOSED:
                self._relay.close()
                self._relay = None
            if self._relay is None:
                from kerneltui.kernels.gateway.relay import Relay  # loads asyncio

                relay = Relay(self._session, kernel_id, context=self._context)
                relay.start()
                self._relay = relay
            return self._relay

    def get_connection_info(self) -> dict[str, Any]:
        """Return the addresses and the key of sockets in this process."""
        return self.relay.info.to_dict()

    def client(self) -> BlockingKernelClient:
        """Return a client of the kernel, with an identity of its own; its channels are closed."""
        client = BlockingKernelClient(context=self._context)
        client.load_connection_info(self.get_connection_info())
        return client

    blocking_client = client

    # -- verbs ----

    def start_kernel(
        self,
        *,
        path: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = START_TIMEOUT,
    ) -> None:
        """Have the server start a kernel.

        `path`: the folder to start in, below the server's root. `env`: variables for a gateway,
        which takes those named KERNEL_*; a Jupyter server ignores them. Raises ServerError, or
        ActionRefused if there is a kernel already.
        """
        with self._turn:
            if self.has_kernel:
                raise ActionRefused(f"cannot start {self.describe()}: it runs already")
            model = self._api.start(self.kernel_name, path=path, environment=env, timeout=timeout)
            self.kernel_id, self.kernel_name = model.id, model.name or self.kernel_name
            self.owns_kernel = True

    def interrupt_kernel(self) -> None:
        self._api.interrupt(self._require("interrupt"))

    def restart_kernel(
        self,
        now: bool = False,  # noqa: ARG002 - the field's; how it ends the process is the server's
        *,
        timeout: float = START_TIMEOUT,
    ) -> None:
        """Have the server restart the kernel; clients stay connected.

        A request that the old process has not answered gets an error as its reply; one that is
        made meanwhile waits for the new process.
        """
        with self._turn:
            kernel_id = self._require("restart")
            with self._relaying:
                relay = self._relay
            with relay.restarting() if relay is not None else contextlib.nullcontext():
                self._api.restart(kernel_id, timeout=timeout)

    def shutdown_kernel(
        self,
        now: bool = False,  # noqa: ARG002 - the field's; how it ends the process is the server's
    ) -> None:
        """Have the server shut the kernel down, and disconnect. No effect without a kernel.

        The server kills a kernel that does not end by itself.
        """
        with self._turn:
            if not self.has_kernel:
                return
            try:
                self._api.shutdown(self.kernel_id)
            except ServerRefused as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
            self._disconnect()
            self.kernel_id = ""

    def signal_kernel(self, signum: int) -> None:
        """Raise ActionRefused: no server sends signals."""
        raise ActionRefused(
            f"cannot send signal {signum} to {self.describe()}: a server can interrupt, restart"
            " and shut down its kernels, nothing else"
        )

    def cleanup_resources(self) -> None:
        """Disconnect from the kernel and from the server; the kernel goes on."""
        self._disconnect()
        self._session.close()

    def _disconnect(self) -> None:
        with self._relaying:
            relay, self._relay = self._relay, None
            if relay is not None:
                relay.close()

    def _require(self, verb: str) -> str:
        if not self.has_kernel:
            raise ActionRefused(f"cannot {verb} {self.describe()}: start it first")
        return self.kernel_id
