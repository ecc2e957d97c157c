"""GatewayApi: the kernels, sessions and kernelspecs of a Jupyter server or a gateway, by REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from kerneltui.errors import NoSuchKernel, ServerError, ServerRefused
from kerneltui.kernels.gateway import models
from kerneltui.kernels.gateway.models import KernelModel, SessionModel, SpecModel
from kerneltui.kernels.gateway.rest_paths import (
    KERNELS,
    SESSIONS,
    SPECS,
    UNTRACKED,
    kernel_path,
)
from kerneltui.protocol.text import clean_line

if TYPE_CHECKING:
    from kerneltui.kernels.gateway.server_session import ServerSession

START_TIMEOUT = 60.0  # seconds: Jupyter's own launch timeout; a cluster may need minutes
STOP_TIMEOUT = 30.0  # seconds; a server waits for its kernel's end, then kills it

_T = TypeVar("_T")


class GatewayApi:
    """The REST API of a Jupyter server or a gateway; every method raises ServerError."""

    def __init__(self, session: ServerSession) -> None:
        self._session = session

    # -- looks ----

    def kernels(self) -> tuple[KernelModel, ...]:
        try:
            return models.kernel_models(self._get(KERNELS))
        except ServerRefused as error:
            if error.status != 403:
                raise
            raise ServerRefused(
                f"{error}; a Kernel Gateway lists its kernels if it is started with"
                " --JupyterWebsocketPersonality.list_kernels=True or KG_LIST_KERNELS=True, an"
                " Enterprise Gateway with EG_LIST_KERNELS=True",
                error.status,
                error.reason,
            ) from None

    def sessions(self) -> tuple[SessionModel, ...]:
        return models.session_models(self._get(SESSIONS))

    def specs(self) -> tuple[SpecModel, ...]:
        return models.spec_models(self._get(SPECS))

    def model(self, kernel_id: str) -> KernelModel:
        """Return what the server tells of one kernel; ServerRefused has status 404 for no such."""
        return self._known(models.kernel_model(self._get(kernel_path(kernel_id))), "its kernel")

    # -- orders ----

    def start(
        self,
        name: str,
        *,
        path: str = "",
        environment: Mapping[str, str] | None = None,
        timeout: float = START_TIMEOUT,
    ) -> KernelModel:
        """Start a kernel of a kernelspec's name; "" for the server's default.

        `path`: the folder to start in, below the server's root. `environment`: variables for a
        gateway, which takes those named KERNEL_*; a Jupyter server ignores them.
        Raises NoSuchKernel too.
        """
        self._require_spec(name)
        order: dict[str, object] = {"name": name} if name else {}
        if path:
            order["path"] = path
        if environment:
            order["env"] = dict(environment)
        told = self._session.request("POST", KERNELS, body=order, timeout=timeout)
        return self._known(models.kernel_model(told), "the kernel that it started")

    def start_session(
        self, name: str, path: str, *, timeout: float = START_TIMEOUT
    ) -> SessionModel:
        """Start a kernel for a notebook, or return the session that the notebook has already.

        `path`: the notebook's, below the server's root. Raises NoSuchKernel too.
        """
        self._require_spec(name)
        kernel = {"name": name} if name else {}
        title = path.rpartition("/")[2]
        order = {"path": path, "name": title, "type": "notebook", "kernel": kernel}
        told = self._session.request("POST", SESSIONS, body=order, timeout=timeout)
        return self._known(models.session_model(told), "the session that it started")

    def interrupt(self, kernel_id: str) -> None:
        self._session.request("POST", f"{kernel_path(kernel_id)}/interrupt")

    def restart(self, kernel_id: str, *, timeout: float = START_TIMEOUT) -> None:
        self._session.request("POST", f"{kernel_path(kernel_id)}/restart", timeout=timeout)

    def shutdown(self, kernel_id: str, *, timeout: float = STOP_TIMEOUT) -> None:
        """Stop a kernel; the server kills it if it does not end by itself."""
        self._session.request("DELETE", kernel_path(kernel_id), timeout=timeout)

    def _require_spec(self, name: str) -> None:
        """Refuse an unknown kernelspec: a failed start can keep a Jupyter server from ending."""
        if not name:
            return
        known = [spec.name for spec in self.specs()]
        if name not in known:
            raise NoSuchKernel(
                f"kernel spec {clean_line(name)!r} not found at {self._session.address};"
                f" available: {clean_line(', '.join(known)) or 'none'}",
                name,
            )

    def _get(self, path: str) -> object:
        return self._session.request("GET", f"{path}{UNTRACKED}")

    def _known(self, model: _T | None, what: str) -> _T:
        if model is None:
            raise ServerError(f"{self._session.address} did not tell the id of {what}")
        return model
