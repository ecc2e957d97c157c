"""OpenedEngine: a remote engine as a command waits for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from kerneltui import paths
from kerneltui.commands.printing import warn
from kerneltui.commands.settings import read_engines
from kerneltui.fleet import composition
from kerneltui.fleet.engines.choice import AnyEngine, chosen_engines
from kerneltui.fleet.engines.engine_state import Link
from kerneltui.fleet.engines.guarded_engine import GuardedEngine, close_all
from kerneltui.fleet.engines.settings import ServerSettings
from kerneltui.fleet.engines.settings_table import open_token
from kerneltui.private_file import others_may_read

if TYPE_CHECKING:
    from kerneltui.fleet.engines.remote_engine import RemoteEngine
    from kerneltui.fleet.model.snapshot import KernelSnapshot

SERVER_PATIENCE = 10.0  # seconds for a server to list its kernels, if the user has given no time
HOST_PATIENCE = 20.0  # seconds for ssh to connect, and for the kerneltui there to look
MARGIN = 1.0  # seconds more: the engine itself tells best why it is late


class OpenedEngine:
    """It connects in threads of its own."""

    def __init__(self, wanted: AnyEngine) -> None:
        self.name = wanted.name
        self.guarded = GuardedEngine(composition.make_engine(wanted))
        self._patience = _patience(wanted) + MARGIN
        self._opened_at = time.monotonic()

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        return self.guarded.snapshots.get()

    @property
    def is_settled(self) -> bool:
        """It has told its kernels, or why it cannot, or it has had its time."""
        state = self.guarded.state
        is_over = time.monotonic() - self._opened_at > self._patience
        return is_over or state.link is not Link.CONNECTING or bool(state.reason)

    @property
    def problem(self) -> str:
        """Why its kernels are not known now; "" if they are."""
        state = self.guarded.state
        if state.link is Link.CONNECTED:
            return ""
        reason = state.reason or f"no answer within {self._patience:g} s"
        return "; ".join(filter(None, (f"{self.name}: {reason}", state.advice)))

    def asked(self) -> AbstractContextManager[RemoteEngine]:
        """Give the engine for one request; what it raises is a KernelError."""
        return self.guarded.asked()


def open_engines(servers: Sequence[str], hosts: Sequence[str]) -> tuple[OpenedEngine, ...]:
    """Open the engines that words of the user mean. Raises KernelError."""
    wanted = chosen_engines(servers, hosts, read_engines())
    for each in wanted:
        has_token = isinstance(each, ServerSettings) and each.token
        if has_token and (mode := others_may_read(paths.config_file())):
            warn(f"{paths.config_file()}: {each.name}.token {open_token(mode)}")
    engines = tuple(map(OpenedEngine, wanted))
    for engine in engines:
        engine.guarded.open()
    return engines


def close_engines(engines: Sequence[OpenedEngine]) -> None:
    close_all([each.guarded for each in engines])


def _patience(wanted: AnyEngine) -> float:
    if isinstance(wanted, ServerSettings):
        return wanted.timeout or SERVER_PATIENCE
    return HOST_PATIENCE
