"""`kerneltui start`, `interrupt`, `signal`, `restart`, `shutdown`, `kill` and `rename`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Unpack

from kerneltui.commands.engine_words import NONE, EngineWords
from kerneltui.commands.engines import opened
from kerneltui.commands.listing import find
from kerneltui.commands.opened_engines import OpenedEngines
from kerneltui.commands.printing import ProgressLine, warn
from kerneltui.commands.settings import read_settings
from kerneltui.errors import ActionRefused, KernelError, KernelTimeout, LaunchError, NoSuchKernel
from kerneltui.fleet.control.interrupts import WouldEndKernel
from kerneltui.fleet.engines.engine import Engine
from kerneltui.fleet.fleet import Fleet
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.engine_names import engine_of
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.reconcile.host_scan import of_this_host, read_manifests
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.paths import runtime_folder
from kerneltui.protocol.status import KernelState
from kerneltui.typed_paths import typed_folder

LISTED_PATIENCE = 10.0  # seconds for a remote engine to tell of a kernel that it has started
START_PATIENCE = 60.0  # seconds for a kernel to be ready
LOOK = 0.02  # seconds between two looks at a kernel that starts
HERE_FOLDER = "."  # the working folder of a kernel if the user gives none


def configured_fleet() -> Fleet:
    settings = read_settings()
    return Fleet(
        transport=settings.transport,
        stack_signal=settings.stack_signal,
        launcher=settings.launcher,
        preload=settings.preload,
    )


@contextlib.contextmanager
def opened_fleet() -> Iterator[Fleet]:
    fleet = configured_fleet()
    fleet.open()
    try:
        yield fleet
    finally:
        fleet.close()


@contextlib.contextmanager
def observing_fleet(*, listening: bool, locked: bool = False) -> Iterator[Fleet]:
    fleet = configured_fleet()
    fleet.locked = locked
    fleet.observe(listening=listening)
    try:
        yield fleet
    finally:
        fleet.close()


def act(
    verb: Verb, words: Sequence[str], engines: EngineWords = NONE, **options: Unpack[Options]
) -> int:
    """Carry out `verb` on the kernels that `words` mean; on none if one word is not clear.

    A restart of kerneltui's kernels waits until they are ready.
    """
    with observing_fleet(listening=verb is Verb.RESTART) as fleet, opened(engines) as remote:
        remote.settle(words)
        there = [_meant(each) for each in (*fleet.snapshots, *remote.snapshots)]
        meant = dict.fromkeys(_find(there, word) for word in words)

        def ask(kernel: _Meant) -> str:
            fleet.look()  # the verb on the kernel before may have taken long
            with (
                ProgressLine(f"{verb} {kernel.name}"),
                remote.asked(kernel.kernel_id, fleet) as engine,
            ):
                return _do(engine, verb, kernel.target, options)

        def wait(kernel: _Meant) -> str:
            if verb is Verb.RESTART and kernel.is_ours:
                with remote.asked(kernel.kernel_id, fleet) as engine:
                    _wait_until_ready(engine, kernel.kernel_id, kernel.target.identity)
            return ""

        asked = [kernel for kernel in meant if _is_done(ask, kernel)]
        done = [kernel for kernel in asked if _is_done(wait, kernel)]
    return 0 if len(done) == len(meant) else 1


def _do(engine: Engine, verb: Verb, target: Target, options: Options) -> str:
    try:
        return engine.do(verb, target, **options)
    except WouldEndKernel as error:
        raise ActionRefused(f"{error} (kerneltui signal INT sends it)") from None


def start(
    kernel_name: str, *, cwd: str, name: str, autorestart: bool, engines: EngineWords = NONE
) -> int:
    """Start a kernel that outlives this process, wait until it is ready, and print its id."""
    with opened(engines if engine_of(kernel_name) else NONE) as remote:
        if remote.named_by(kernel_name):
            if autorestart:
                raise KernelError("only kernels of this host can be started with --autorestart")
            return _start_remote(remote, kernel_name, cwd, name)
    folder = typed_folder(cwd)
    with opened_fleet() as fleet:
        kernel_id = fleet.start(kernel_name, cwd=str(folder), name=name, autorestart=autorestart)
        _wait_until_ready(fleet, kernel_id)
        for notice in fleet.take_notices():
            if notice.kernel_id in ("", kernel_id):
                print(f"kerneltui: {notice.text}", file=sys.stderr)
    print(kernel_id)
    return 0


def _start_remote(remote: OpenedEngines, kernel_name: str, cwd: str, name: str) -> int:
    """Start a kernel of an engine, and print its id.

    Whether a server's kernel is ready is known only to who connects to it, which is another order.
    """
    with remote.connected(kernel_name) as engine:
        # This host's folders say nothing about another's.
        kernel_id = engine.start(kernel_name, cwd="" if cwd == HERE_FOLDER else cwd, name=name)
        if _listed_row(engine, kernel_id).kind is not Kind.REMOTE_SERVER:
            _wait_until_ready(engine, kernel_id)
    print(kernel_id)
    return 0


class _Meant(NamedTuple):
    """A kernel as it was when the command began."""

    kernel_id: str
    name: str
    pid: int | None
    """None if its process is gone: another process may have that pid."""
    target: Target
    is_ours: bool


def _meant(row: KernelSnapshot) -> _Meant:
    is_here = not row.engine
    is_alive = row.identity is not None and (not is_here or row.identity.is_alive())
    pid = row.pid if is_alive else None
    return _Meant(row.kernel_id, row.name, pid, row.target, row.is_ours)


def _find(there: Sequence[_Meant], word: str) -> _Meant:
    """Return the kernel that is meant. Raises NoSuchKernel, or KernelError if not adoptable."""
    try:
        return find(there, word)
    except NoSuchKernel:
        known = {each.kernel_id for each in there}
        for each in of_this_host(read_manifests(runtime_folder())):
            if each.kernel_id not in known and word in (each.kernel_id, each.name):
                raise KernelError(
                    f"kernel {each.kernel_id} cannot be adopted: its files are gone, or being made"
                ) from None
        raise


def _is_done(ask: Callable[[_Meant], str], kernel: _Meant) -> bool:
    """Do one step for a kernel and print what it returns; tell whether it was done."""
    try:
        said, is_done = ask(kernel), True
    except KernelError as error:
        said, is_done = str(error), False
    if said:
        warn(said)
    return is_done


def _row(engine: Engine, kernel_id: str) -> KernelSnapshot:
    for row in engine.snapshots:
        if row.kernel_id == kernel_id:
            return row
    raise KernelError(f"kernel {kernel_id} is gone")


def _listed_row(engine: Engine, kernel_id: str) -> KernelSnapshot:
    """Return the row of a kernel that was started there, once the engine has told of it."""
    deadline = time.monotonic() + LISTED_PATIENCE
    while time.monotonic() < deadline and all(
        row.kernel_id != kernel_id for row in engine.snapshots
    ):
        time.sleep(LOOK)
    return _row(engine, kernel_id)


def _wait_until_ready(
    engine: Engine, kernel_id: str, before: ProcessIdentity | None = None
) -> None:
    """Wait until a kernel is idle. `before`: the process that it had; another is waited for."""
    deadline = time.monotonic() + START_PATIENCE
    with ProgressLine(f"waiting until {_row(engine, kernel_id).name} is ready"):
        while time.monotonic() < deadline:
            row = _row(engine, kernel_id)
            is_new = before is None or row.identity != before
            if is_new and row.state is KernelState.IDLE:
                return
            if is_new and row.state is KernelState.DEAD and row.death is not None:
                raise LaunchError(f"{row.name} is dead: {row.reason}", ())
            time.sleep(LOOK)
    raise KernelTimeout(f"kernel {kernel_id} runs, but is not ready after {START_PATIENCE:.0f} s")
