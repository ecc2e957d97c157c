"""KernelRequests: what a client can ask of a kernel, one method for each kind of request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict, Unpack

from kerneltui.errors import ActionRefused, MalformedMessage
from kerneltui.kernels.client.base import AnyChannel, ClientBase
from kerneltui.protocol import fields
from kerneltui.protocol.connection import Channel
from kerneltui.protocol.message import (
    SUBSHELLS,
    Content,
    Message,
    cursor_content,
    execute_content,
    history_content,
)


class HistoryArguments(TypedDict, total=False):
    """Which part of the history is wanted; it depends on `hist_access_type`."""

    session: int
    start: int
    stop: int | None
    """With `session` and `start` for "range"; the range ends before `stop`."""
    n: int
    """How many of the last entries, for "tail" and "search"."""
    pattern: str
    unique: bool
    """With `pattern` for "search"."""


class KernelRequests(ClientBase[AnyChannel]):
    """Each method sends a request and returns its msg_id at once.

    With `reply=True` it waits `timeout` seconds for the reply and returns that. Waiting raises
    KernelTimeout or KernelDied.
    """

    _features: Sequence[str] | None = None
    """The features that the kernel says it supports; None until it has said so."""

    def execute(
        self,
        code: str,
        silent: bool = False,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool | None = None,
        stop_on_error: bool = True,
        *,
        subshell_id: str | None = None,
        reply: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """Run code. `subshell_id`: of a subshell beside the main shell, see create_subshell."""
        content = execute_content(
            code,
            silent=silent,
            store_history=store_history,
            user_expressions=user_expressions,
            allow_stdin=self.allow_stdin if allow_stdin is None else allow_stdin,
            stop_on_error=stop_on_error,
        )
        return self._request(
            "execute_request", content, reply=reply, timeout=timeout, subshell_id=subshell_id
        )

    def complete(
        self,
        code: str,
        cursor_pos: int | None = None,
        *,
        subshell_id: str | None = None,
        reply: bool = False,
        timeout: float | None = None,
    ) -> Any:
        content = cursor_content(code, cursor_pos)
        return self._request(
            "complete_request", content, reply=reply, timeout=timeout, subshell_id=subshell_id
        )

    def inspect(
        self,
        code: str,
        cursor_pos: int | None = None,
        detail_level: int = 0,
        *,
        subshell_id: str | None = None,
        reply: bool = False,
        timeout: float | None = None,
    ) -> Any:
        content = cursor_content(code, cursor_pos, detail_level=detail_level)
        return self._request(
            "inspect_request", content, reply=reply, timeout=timeout, subshell_id=subshell_id
        )

    def history(
        self,
        raw: bool = True,
        output: bool = False,
        hist_access_type: str = "range",
        *,
        reply: bool = False,
        timeout: float | None = None,
        **kwargs: Unpack[HistoryArguments],
    ) -> Any:
        content = history_content(
            raw=raw, output=output, hist_access_type=hist_access_type, **kwargs
        )
        return self._request("history_request", content, reply=reply, timeout=timeout)

    def is_complete(self, code: str, *, reply: bool = False, timeout: float | None = None) -> Any:
        return self._request("is_complete_request", {"code": code}, reply=reply, timeout=timeout)

    def comm_info(
        self, target_name: str | None = None, *, reply: bool = False, timeout: float | None = None
    ) -> Any:
        content = {} if target_name is None else {"target_name": target_name}
        return self._request("comm_info_request", content, reply=reply, timeout=timeout)

    def kernel_info(self, *, reply: bool = False, timeout: float | None = None) -> Any:
        return self._request("kernel_info_request", {}, reply=reply, timeout=timeout)

    # -- on control: answered while a cell runs ----

    def shutdown(
        self, restart: bool = False, *, reply: bool = False, timeout: float | None = None
    ) -> Any:
        return self._control("shutdown_request", {"restart": restart}, reply, timeout)

    def interrupt(self, *, reply: bool = False, timeout: float | None = None) -> Any:
        return self._control("interrupt_request", {}, reply, timeout)

    def usage(self, *, reply: bool = False, timeout: float | None = None) -> Any:
        """Ask an ipykernel for its pid, CPU and memory use."""
        return self._control("usage_request", {}, reply, timeout)

    def debug(self, request: Content, *, reply: bool = False, timeout: float | None = None) -> Any:
        """Send a Debug Adapter Protocol request to the kernel's debugger."""
        return self._control("debug_request", request, reply, timeout)

    def _control(self, msg_type: str, content: Content, reply: bool, timeout: float | None) -> Any:
        return self._request(
            msg_type, content, channel=Channel.CONTROL, reply=reply, timeout=timeout
        )

    async def _create_subshell(self, timeout: float | None = None) -> str:
        """Return the id of a new subshell. Raises ActionRefused if the kernel has no subshells."""
        content = await self._subshell("create_subshell_request", {}, timeout)
        subshell_id = fields.text(content, "subshell_id")
        if not subshell_id:
            raise MalformedMessage("create_subshell_reply without a subshell_id")
        return subshell_id

    async def _delete_subshell(self, subshell_id: str, timeout: float | None = None) -> None:
        await self._subshell("delete_subshell_request", {"subshell_id": subshell_id}, timeout)

    async def _list_subshells(self, timeout: float | None = None) -> list[str]:
        content = await self._subshell("list_subshell_request", {}, timeout)
        return fields.texts(content, "subshell_id")

    async def _subshell(self, msg_type: str, content: Content, timeout: float | None) -> Content:
        if self._features is None:
            # On control: the main shell may run a cell, and the subshell is wanted beside it.
            info = await self._answer("kernel_info_request", {}, timeout)
            self._features = fields.texts(info["content"], "supported_features")
        if SUBSHELLS not in self._features:  # a kernel without subshells would never answer
            raise ActionRefused(f"cannot send {msg_type}: this kernel has no subshells")
        answer = await self._answer(msg_type, content, timeout)
        if answer["content"].get("status") != "ok":
            raise ActionRefused(f"{msg_type} failed: {fields.text(answer['content'], 'evalue')}")
        return answer["content"]

    async def _answer(self, msg_type: str, content: Content, timeout: float | None) -> Message:
        msg_id = self._control(msg_type, content, reply=False, timeout=None)
        return await self._reply_to(msg_id, timeout, Channel.CONTROL)
