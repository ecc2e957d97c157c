"""FakeServer: answers questions and takes orders as a test wants, without HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from kerneltui.errors import KernelError, ServerRefused
from kerneltui.fleet.engines.server import events
from kerneltui.fleet.engines.server.login import ServerLogin
from kerneltui.kernels.gateway.exchange import WebsocketPlace
from kerneltui.kernels.gateway.models import KernelModel, SessionModel, SpecModel
from kerneltui.kernels.gateway.rest import GatewayApi
from kerneltui.kernels.gateway.server import ServerAddress
from tests.kernel_gateway import KernelGateway
from tests.support import PATIENCE

EXAMPLE = KernelModel("k-1", "python3", "idle", 0, 1_000.0, "")
SPECS = (SpecModel("python3", "Python 3", "python"),)


class FakeServer(GatewayApi):
    """Its lists can be changed at any time."""

    def __init__(self, *kernels: KernelModel) -> None:
        self.listed = kernels
        self.notebooks: tuple[SessionModel, ...] = ()
        self.faults: dict[str, KernelError] = {}
        """What a question or an order raises, by its name."""
        self.asked: list[str] = []
        """The names of all questions and orders."""
        self.environment: Mapping[str, str] = {}
        """Of the last start."""
        self.most_at_once = 0
        """The most questions that were asked at the same time."""
        self.answers = threading.Event()
        """While it is not set, no question is answered."""
        self.answers.set()
        self._open = 0
        self._lock = threading.Lock()

    def kernels(self) -> tuple[KernelModel, ...]:
        with self._question("kernels"):
            return self.listed

    def sessions(self) -> tuple[SessionModel, ...]:
        with self._question("sessions"):
            return self.notebooks

    def specs(self) -> tuple[SpecModel, ...]:
        with self._question("specs"):
            return SPECS

    def model(self, kernel_id: str) -> KernelModel:
        with self._question("model"):
            found = next((each for each in self.listed if each.id == kernel_id), None)
            if found is None:
                raise refusal(404)
            return found

    # -- orders ----

    def start(
        self,
        name: str,
        *,
        path: str = "",
        environment: Mapping[str, str] | None = None,
        timeout: float = 0.0,  # noqa: ARG002 -- as the real one has it
    ) -> KernelModel:
        with self._question(f"start {name} in {path!r}"):
            self.environment = environment or {}
            self.listed = (*self.listed, replace(EXAMPLE, id="started"))
            return self.listed[-1]

    def start_session(
        self,
        name: str,
        path: str,
        *,
        kind: str = "notebook",
        timeout: float = 0.0,  # noqa: ARG002
    ) -> SessionModel:
        with self._question(f"start {name} for {path}"):
            self.listed = (*self.listed, replace(EXAMPLE, id="started"))
            session = SessionModel("s-1", path, path, kind, self.listed[-1])
            self.notebooks = (*self.notebooks, session)
            return session

    def interrupt(self, kernel_id: str) -> None:
        with self._question("interrupt"):
            self._replace(kernel_id, state="idle")

    def restart(self, kernel_id: str, *, timeout: float = 0.0) -> None:  # noqa: ARG002
        with self._question("restart"):
            self._replace(kernel_id, state="idle")

    def shutdown(self, kernel_id: str, *, timeout: float = 0.0) -> None:  # noqa: ARG002
        with self._question("shutdown"):
            self.listed = tuple(each for each in self.listed if each.id != kernel_id)

    def _replace(self, kernel_id: str, *, state: str) -> None:
        self.listed = tuple(
            replace(each, state=state) if each.id == kernel_id else each for each in self.listed
        )

    @contextmanager
    def _question(self, name: str) -> Iterator[None]:
        with self._lock:
            self.asked.append(name)
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            assert self.answers.wait(PATIENCE)
            if name in self.faults:
                raise self.faults[name]
            yield
        finally:
            with self._lock:
                self._open -= 1


def refusal(status: int) -> ServerRefused:
    return ServerRefused(f"the server refused with {status}", status, "")


class FakeLogin(ServerLogin):
    """Asks a fake server, and opens the websockets of a fake gateway."""

    def __init__(self, server: FakeServer, websockets: KernelGateway) -> None:
        super().__init__(ServerAddress("http://gpu.example/"), None)
        self._server = server
        self._websockets = websockets
        self.tokens: list[str] = []

    @property
    def api(self) -> FakeServer:
        return self._server

    def websocket(self, path: str) -> WebsocketPlace:
        if path == events.PATH:
            raise refusal(404)
        return self._websockets.websocket(path)

    def request(self, method: str, path: str) -> object:
        return self._websockets.request(method, path)

    def use(self, address: ServerAddress) -> None:
        self.tokens.append(address.token)
