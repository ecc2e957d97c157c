"""KeptSpawn: has the keeper start a kernel's process, which then has a parent that stays."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import kerneltui
from kerneltui.fleet.keeper.client import (
    LAUNCH_PATIENCE,
    KeeperClient,
    KeeperGone,
    KeeperLost,
    Launched,
    NoKeeper,
    Unstartable,
    null_device,
)
from kerneltui.fleet.keeper.order import LaunchOrder
from kerneltui.fleet.keeper.start import ensure_keeper
from kerneltui.fleet.model.launch_mode import LaunchMode
from kerneltui.kernels.management.launch import kernel_environment
from kerneltui.kernels.management.spawn import Spawn, SpawnOrder, spawn_child
from kerneltui.kernels.processes.adopted import AdoptedProcess
from kerneltui.kernels.processes.conditions import own_conditions
from kerneltui.kernels.processes.identity import ProcessIdentity, identify
from kerneltui.kernels.processes.process import KernelProcess
from kerneltui.kernels.processes.stat import all_pids
from kerneltui.kernels.specs.spec_manager import KernelSpec, format_argv

ON_LINUX = sys.platform == "linux"
"""Elsewhere a keeper only records: there are no pidfds, subreapers and credentials of peers."""
SETTLING = 0.2  # seconds that what ends with its keeper may take
TICK = 0.02  # seconds: a process may have started this much earlier than the system tells
ABSENCE = 60.0  # seconds
_log = logging.getLogger("kerneltui")


class KeptSpawn:
    """Starts processes, for any thread; what the keeper cannot start is a child of this process."""

    def __init__(
        self,
        folder: Path,
        warn: Callable[[str], None],
        launcher: LaunchMode = "template",
        preload: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """`preload`: by kernelspec, modules that the template of its kernels imports as well."""
        self.client = KeeperClient(folder)
        self._launcher = launcher
        self._preload = preload
        self._guest: socket.socket | None = None
        """The connection as long as which the keeper stays for us."""
        self._warn = warn
        self._folder = folder
        self._warned = False
        self._absent_until = 0.0
        """Instant of `time.monotonic()` until which no keeper is waited for in vain again."""

    def close(self) -> None:
        """Let the keeper go once it has no kernels; what it has started runs on."""
        if self._guest is not None:
            self._guest.close()
            self._guest = None

    def of(self, kernel_name: str, note: Callable[[str], None]) -> Spawn:
        """Return the `Spawn` for a kernel of a kernelspec. `note`: notes why it is not forked."""
        return partial(self.spawn, preload=tuple(self._preload.get(kernel_name, ())), note=note)

    def warm(self, spec: KernelSpec, env: Mapping[str, str], stack_signal: int | None) -> None:
        """Have a template prepared for a kernelspec, and the keeper stay for it."""
        if self._launcher != "template" or not ON_LINUX:
            return
        env = kernel_environment(env, spec, independent=True, stack_signal=stack_signal)
        preload = tuple(self._preload.get(spec.name, ()))
        try:
            if self.client.replace_older(kerneltui.__version__):
                _log.debug("a keeper of another kerneltui has left")
            self._have_one()
            self.close()
            self._guest = self.client.stay()
            self.client.warm(self._order(format_argv(spec, connection_file=""), env, "/", preload))
        except (NoKeeper, OSError) as reason:
            _log.debug("no template is prepared for %s: %s", spec.name, reason)

    def spawn(
        self,
        order: SpawnOrder,
        preload: tuple[str, ...] = (),
        note: Callable[[str], None] = _log.debug,
    ) -> KernelProcess:
        """See `Spawn`."""
        if not ON_LINUX:
            return spawn_child(order)
        try:
            started = self._launched(order, preload)
        except Unstartable:
            return spawn_child(order)  # which says why
        except NoKeeper as reason:
            note(f"started without the keeper: {reason}")
            self._warn_once(str(reason))
            return spawn_child(order)
        if started.spawned and self._launcher == "template":
            note(f"spawned, not forked: {started.spawned}")
        return AdoptedProcess(started.identity, self.client.exit_code)

    def _order(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: str, preload: tuple[str, ...]
    ) -> LaunchOrder:
        return LaunchOrder(
            argv=tuple(argv),
            env=env,
            cwd=cwd,
            conditions=own_conditions(),
            deadline=time.monotonic() + LAUNCH_PATIENCE,
            may_fork=self._launcher == "template",
            preload=preload,
        )

    def _launched(self, order: SpawnOrder, preload: tuple[str, ...]) -> Launched:
        """Have a keeper start it. Raises NoKeeper."""
        streams = _streams(order)
        try:
            return self._ordered(order, streams, preload)
        except KeeperGone:
            return self._ordered(order, streams, preload)

    def _ordered(
        self, order: SpawnOrder, streams: tuple[int, int], preload: tuple[str, ...]
    ) -> Launched:
        """Have the present keeper start it. Raises NoKeeper."""
        begun = time.monotonic()
        cwd = os.fsdecode(order.cwd or os.getcwd())  # noqa: PTH109 - bytes too
        wanted = self._order(order.argv, order.env, cwd, preload)
        self._have_one()
        stdin = null_device()
        try:
            return self.client.launch(wanted, (stdin, *streams))
        except KeeperLost:
            # What it has started has our log open, from its first moment on.
            found = _lasting_holder(streams[0], since=begun)
            if found is None:
                raise KeeperGone("it has ended in the middle of the order") from None
            return Launched(found, "")
        finally:
            os.close(stdin)

    def _have_one(self) -> None:
        """Start a keeper if there is none, and wait until it listens. Raises NoKeeper."""
        if self.client.is_there() or time.monotonic() < self._absent_until:
            return
        try:
            ensure_keeper(self._folder)
        except OSError as error:
            raise NoKeeper(f"it cannot be started: {error.strerror}") from None
        if not self.client.wait_until_there():
            self._absent_until = time.monotonic() + ABSENCE

    def _warn_once(self, reason: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(
                f"kernels are started without their keeper: {reason}; "
                "how they end is only known while kerneltui is open"
            )


def _streams(order: SpawnOrder) -> tuple[int, int]:
    """Return the descriptors for stdout and stderr. Raises NoKeeper for what it cannot pass on."""
    stdout, stderr = order.streams.get("stdout"), order.streams.get("stderr")
    is_usual = order.streams.get("stdin") is None and not order.popen_kwargs
    if not is_usual or not _is_descriptor(stdout) or not _is_descriptor(stderr):
        raise NoKeeper("a kernel with streams or arguments of Popen's own needs its parent")
    return stdout, stderr  # type: ignore[return-value]  # they are descriptors


def _is_descriptor(stream: object) -> bool:
    return isinstance(stream, int) and stream >= 0


def _lasting_holder(fd: int, since: float) -> ProcessIdentity | None:
    """Return the process that was started with a file open.

    A template has it too, and a fork before its first line; both end soon after their keeper.
    """
    found = _oldest(_holders(fd, since))
    while found is not None:
        time.sleep(SETTLING)
        before, found = found, _oldest(_holders(fd, since))
        if found == before:
            break
    return found


def _holders(fd: int, since: float) -> Iterable[ProcessIdentity]:
    """Yield the leaders of sessions younger than `since` that have the same file open."""
    status = os.fstat(fd)
    for pid in all_pids():
        identity = identify(pid) if pid != os.getpid() else None
        if identity is None or (lived := identity.age()) is None:
            continue
        longest = time.monotonic() - since + TICK  # now: a look at all processes takes a while
        if lived <= longest and _leads_session(pid) and _has_open(pid, status):
            yield identity


def _leads_session(pid: int) -> bool:
    """Tell whether it is one that a keeper has started, and not a keeper itself."""
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid) == pid
    return False


def _has_open(pid: int, status: os.stat_result) -> bool:
    try:
        opened = os.scandir(f"/proc/{pid}/fd")
    except OSError:
        return False
    with opened:
        for each in opened:
            try:
                if os.path.samestat(each.stat(), status):
                    return True
            except OSError:
                continue
    return False


def _oldest(processes: Iterable[ProcessIdentity]) -> ProcessIdentity | None:
    return min(processes, key=lambda each: each.start_ticks, default=None)
