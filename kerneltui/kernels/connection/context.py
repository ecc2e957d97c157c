"""ContextOwner: the zmq context of a manager or a client, which its user may end or replace."""

from __future__ import annotations

from typing import Any

from kerneltui.kernels.connection.sockets import Context, default_context


class ContextView(Context):
    """A view of this process's context: to end it closes the sockets made by it and no others.

    One that was ended opens again with its next socket, as a kernel may be started again.
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
        """The zmq context given, else a view of this process's."""
        return self._own_context() if self._context is None else self._context

    @context.setter
    def context(self, context: Context) -> None:
        self._context = context

    def _own_context(self) -> ContextView:
        shared, view = default_context(), self._view
        # A view does not survive a fork, no more than its context.
        if view is None or view.underlying != shared.underlying:
            view = self._view = ContextView(shadow=shared)
        return view

    def _end_context(self) -> None:
        """End the context, unless it was given; sockets of others that are open stay so."""
        if self._context is None:
            self._own_context().term()
