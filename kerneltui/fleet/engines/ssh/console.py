"""SshConsole: the console of the kernels of another host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.console import HISTORY_LENGTH, LOCKED
from kerneltui.fleet.console.conversation import Reply, fail
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.engines.ssh.box import Box
from kerneltui.fleet.engines.ssh.codec import encode
from kerneltui.fleet.engines.ssh.names import Names
from kerneltui.protocol.wire import new_msg_id

Ask = Callable[..., Future[Any]]
"""`AgentLink.ask`, of the link that there is; raises KernelError if there is none."""


class SshConsole:
    """Every method returns at once, in any thread."""

    def __init__(self, box: Box, names: Names, ask: Ask, warn: Callable[[str], None]) -> None:
        """`warn`: tells the user what could not be done."""
        self._box = box
        self._names = names
        self._ask = ask
        self._warn = warn
        self.locked = False
        """While true nothing is run or answered."""

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        return self._box.prompts

    @property
    def queued(self) -> Mapping[str, tuple[str, ...]]:
        return self._box.queued

    @property
    def beside(self) -> Mapping[str, tuple[str, ...]]:
        return self._box.beside

    def execute(self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "") -> str:
        """Run code as any console does.

        Raises ActionRefused while locked, KernelError without a connection.
        """
        self._permit()
        msg_id, inner = msg_id or new_msg_id(), self._names.inner(kernel_id)
        self._order("execute", kernel=inner, code=code, beside=beside, msg_id=msg_id)
        return msg_id

    def answer(self, prompt: Prompt, value: str) -> None:
        self._permit()
        self._order("answer", prompt=encode(self._names.inner_prompt(prompt)), value=value)

    def complete(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        return self._request("complete", kernel_id, code=code, cursor_pos=cursor_pos)

    def inspect(self, kernel_id: str, code: str, cursor_pos: int) -> Reply:
        return self._request("inspect", kernel_id, code=code, cursor_pos=cursor_pos)

    def is_complete(self, kernel_id: str, code: str) -> Reply:
        return self._request("is_complete", kernel_id, code=code)

    def history(self, kernel_id: str) -> Future[tuple[str, ...]]:
        codes: Future[tuple[str, ...]] = Future()
        self._pass_on("history", kernel_id, codes, _history)
        return codes

    def _permit(self) -> None:
        if self.locked:
            raise ActionRefused(LOCKED)

    def _order(self, do: str, **arguments: object) -> None:
        """Ask for something that has no reply worth showing, unless it fails."""
        self._ask(do, **arguments).add_done_callback(self._tell_failure)

    def _tell_failure(self, reply: Future[Any]) -> None:
        if (error := reply.exception()) is not None:
            self._warn(str(error))

    def _request(self, do: str, kernel_id: str, **arguments: object) -> Reply:
        reply: Reply = Future()
        self._pass_on(do, kernel_id, reply, _content, **arguments)
        return reply

    def _pass_on(
        self,
        do: str,
        kernel_id: str,
        reply: Future[Any],
        read: Callable[[object], object],
        **arguments: object,
    ) -> None:
        try:
            told = self._ask(do, kernel=self._names.inner(kernel_id), **arguments)
        except KernelError as error:
            fail(reply, error)
        else:
            told.add_done_callback(partial(_settle, reply, read))


def _settle(reply: Future[Any], read: Callable[[object], object], told: Future[Any]) -> None:
    error = told.exception()
    if isinstance(error, Exception):
        fail(reply, error)
    elif reply.set_running_or_notify_cancel():
        reply.set_result(read(told.result()))


def _content(told: object) -> dict[str, Any]:
    """Return the content of a kernel's reply; it is as the kernel sent it."""
    return told if isinstance(told, dict) else {}


def _history(told: object) -> tuple[str, ...]:
    codes = told if isinstance(told, list) else []
    return tuple(each for each in codes if isinstance(each, str))[-HISTORY_LENGTH:]
