"""ContextOwner: the zmq context of a manager or a client, which its user may end or replace."""

from __future__ import annotations

import contextlib
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.kernels.connection.sockets import Context, default_context


class ContextView(Context):
    """A view of this process's context: `destroy` closes only the sockets made by it.

    A view that was ended opens again with its next socket, as a kernel may be started again.
    """

    closed: bool

    def term(self) -> None:
        """End this view; the context stays, as other kernels' sockets are in it."""
        self.closed = True

    def socket(self, *args: Any, **kwargs: Any) -> Any:
        self.closed = False
        return super().socket(*args, **kwargs)


class ContextOwner:
    """Has the context that it is given, else a view of this process's one."""

    def __init__(self, context: Context | None) -> None:
        self._context = context
        self._view: ContextView | None = None

    @property
    def context(self) -> Context:
        """The zmq context given, else a view of this process's. Raises KernelError."""
        if self._context is not None:
            return self._context
        shared, view = default_context(), self._view
        # After a fork the context is a new one, and needs a new view.
        if view is None or view.underlying != shared.underlying:
            view = self._view = ContextView(shadow=shared)
        return view

    @context.setter
    def context(self, context: Context) -> None:
        self._context = context

    def _end_context(self) -> None:
        """End the context, unless it was given; open sockets of others stay open."""
        if self._context is None:
            with contextlib.suppress(KernelError):  # no room for a context, so none is open
                self.context.term()
