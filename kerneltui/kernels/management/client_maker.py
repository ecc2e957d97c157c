"""ClientMaker: make clients of a manager's kernel, of the class that the user wants."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any, cast

from kerneltui.kernels.client.client import BlockingKernelClient, KernelClient
from kerneltui.kernels.connection.connection_file import ConnectionFileMixin

ClientFactory = Callable[..., KernelClient[Any]]


class ClientMaker(ConnectionFileMixin):
    """Makes clients. A subclass may set `client_class` or `client_factory` for its instances."""

    _client_class: str | ClientFactory = "kerneltui.BlockingKernelClient"
    _client_factory: ClientFactory | None = None

    @property
    def client_class(self) -> str | ClientFactory:
        """A class, or its dotted name; setting it sets the factory."""
        return self._client_class

    @client_class.setter
    def client_class(self, kind: str | ClientFactory) -> None:
        self._client_class, self._client_factory = kind, None

    @property
    def client_factory(self) -> ClientFactory:
        """The callable that makes a client: `client_class`, unless another one was set."""
        return self._client_factory or named(self.client_class)

    @client_factory.setter
    def client_factory(self, factory: ClientFactory) -> None:
        self._client_factory = factory

    def client(self, **kwargs: Any) -> BlockingKernelClient:
        """Return a client of this kernel, with an identity of its own; its channels are closed."""
        arguments = {"connection_file": self.connection_file, "parent": self, **kwargs}
        if self._context is not None:
            arguments.setdefault("context", self._context)
        client = cast(BlockingKernelClient, self.client_factory(**arguments))
        if self.ip:  # else ipc without a folder yet: its channels look it up when they start
            client.load_connection_info(self.get_connection_info())
        return client

    def blocking_client(self) -> BlockingKernelClient:
        return self.client()


def named(kind: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return the object of a dotted name; a class as it is.

    Raises ImportError or AttributeError.
    """
    found: Callable[..., Any] = pkgutil.resolve_name(kind) if isinstance(kind, str) else kind
    return found
