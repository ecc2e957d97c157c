"""Engines: the kernels of this host and of remote engines, as one engine.

An id or a kernelspec that begins with the name of a remote engine and a colon is that engine's;
all others are this host's. Nothing that is published here waits for a remote engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar, Unpack

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.engines.engines_console import EnginesConsole
from kerneltui.fleet.engines.guarded_engine import GuardedEngine, close_all
from kerneltui.fleet.engines.merged import Merged
from kerneltui.fleet.model.engine_names import engine_of
from kerneltui.kernels.processes.guarded_thread import GuardedThread

if TYPE_CHECKING:
    from kerneltui.fleet.diagnosis.stack import Frame, Stack
    from kerneltui.fleet.diagnosis.variable import Variable
    from kerneltui.fleet.engines.engine import Engine
    from kerneltui.fleet.engines.remote_engine import RemoteEngine
    from kerneltui.fleet.inspection.host_usage import HostUsage
    from kerneltui.fleet.inspection.kernel_info import KernelInfo
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.inspection.spec_choice import SpecChoice
    from kerneltui.fleet.model.capabilities import Verb
    from kerneltui.fleet.model.options import Options
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.fleet.monitoring.message_log import MessageSource
    from kerneltui.fleet.registry.notices import Notice
    from kerneltui.fleet.transcript.entries import TranscriptSource
    from kerneltui.kernels.processes.identity import ProcessIdentity

T = TypeVar("T")


class Engines:
    """Routes by id, and merges what the engines publish; its methods are those of `Fleet`."""

    def __init__(self, local: Engine, remote: Iterable[RemoteEngine] = ()) -> None:
        self._local = local
        self._remote: tuple[GuardedEngine, ...] = ()
        """In the order of their rows. Rebound, never changed."""
        self._changing = threading.Lock()
        self._is_open = False
        self._detailed = ""
        self._snapshots: Merged[tuple[KernelSnapshot, ...]] = Merged(_chained)
        self._specs: Merged[tuple[SpecChoice, ...]] = Merged(_chained)
        self.console = EnginesConsole(local.console, lambda: self._remote, self._asked)
        for each in remote:
            self.add(each)

    # -- the engines ----

    @property
    def remote(self) -> tuple[RemoteEngine, ...]:
        return tuple(each.engine for each in self._remote)

    def add(self, engine: RemoteEngine) -> None:
        """Take in an engine after those that are there. Raises ActionRefused if its name is taken.

        It is opened at once if the others are open.
        """
        added = GuardedEngine(engine)
        with self._changing:
            if any(each.name == added.name for each in self._remote):
                raise ActionRefused(f"an engine called {added.name} is there already")
            added.attempt(partial(setattr, engine, "locked", self.locked))
            self._remote = (*self._remote, added)
            if self._is_open:
                added.open()

    def remove(self, name: str) -> None:
        """Leave an engine and its kernels, which do not notice. Blocking, for a second at most."""
        with self._changing:
            left = [each for each in self._remote if each.name == name]
            self._remote = tuple(each for each in self._remote if each.name != name)
        if not left:
            raise KernelError(f"no engine is called {name}")
        close_all(left)

    def open(self) -> None:
        """Open this host's engine, then have the others opened without waiting for them."""
        self._local.open()
        with self._changing:
            self._is_open = True
            for each in self._remote:
                each.open()

    def close(self) -> None:
        """Close all engines at the same time; one that hangs is left behind."""
        with self._changing:
            self._is_open = False
            remote = self._remote
        close_all(remote, meanwhile=self._local.close)

    def _asked(self, text: str) -> AbstractContextManager[Engine]:
        """Give the engine of an id or a kernelspec, for one request."""
        remote = self._meant(text)
        return remote.asked() if remote is not None else nullcontext(self._local)

    def _meant(self, text: str) -> GuardedEngine | None:
        name = engine_of(text)
        return next((each for each in self._remote if each.name == name), None)

    # -- published values ----

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """This host's, then those of each engine; the same tuple until something changes."""
        parts = (self._local.snapshots, *(each.snapshots.get() for each in self._remote))
        return self._snapshots.of(parts)

    @property
    def host(self) -> HostUsage | None:
        return self._local.host

    def transcript(self, kernel_id: str) -> TranscriptSource | None:
        return self._at_once(kernel_id, lambda engine: engine.transcript(kernel_id))

    def message_log(self, kernel_id: str) -> MessageSource | None:
        return self._at_once(kernel_id, lambda engine: engine.message_log(kernel_id))

    def take_notices(self) -> tuple[Notice, ...]:
        """Return the news of all engines; those of a remote one begin with its name."""
        return (*self._local.take_notices(), *chain(*map(_notices_of, self._remote)))

    def note_told(self, notice: Notice) -> None:
        self._at_once(notice.kernel_id, lambda engine: engine.note_told(notice))

    def mark(self, kernel_id: str) -> None:
        self._at_once(kernel_id, lambda engine: engine.mark(kernel_id))

    def _at_once(self, kernel_id: str, look: Callable[[Engine], T | None]) -> T | None:
        """Return what an engine has at hand; None if it fails."""
        remote = self._meant(kernel_id)
        if remote is None:
            return look(self._local)
        return remote.read(partial(look, remote.engine), None)

    @property
    def locked(self) -> bool:
        return self._local.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        with self._changing:
            self._local.locked = locked
            for each in self._remote:
                each.attempt(partial(setattr, each.engine, "locked", locked))

    @property
    def detailed(self) -> str:
        return self._detailed

    @detailed.setter
    def detailed(self, kernel_id: str) -> None:
        before, now = self._meant(self._detailed), self._meant(kernel_id)
        self._detailed = kernel_id
        self._local.detailed = kernel_id if now is None else ""
        if before is not None and before is not now:
            before.attempt(partial(setattr, before.engine, "detailed", ""))
        if now is not None:
            now.attempt(partial(setattr, now.engine, "detailed", kernel_id))

    # -- lookups ----

    def info(self, kernel_id: str) -> KernelInfo:
        with self._asked(kernel_id) as engine:
            return engine.info(kernel_id)

    def processes(
        self, kernel_id: str, opened: Container[ProcessIdentity] = ()
    ) -> tuple[ProcessFacts, ...]:
        with self._asked(kernel_id) as engine:
            return engine.processes(kernel_id, opened)

    def log(self, kernel_id: str) -> TranscriptSource | None:
        with self._asked(kernel_id) as engine:
            return engine.log(kernel_id)

    def stack(self, kernel_id: str) -> Stack:
        with self._asked(kernel_id) as engine:
            return engine.stack(kernel_id)

    def variables(self, kernel_id: str) -> tuple[Variable, ...]:
        with self._asked(kernel_id) as engine:
            return engine.variables(kernel_id)

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        with self._asked(kernel_id) as engine:
            return engine.frame_names(kernel_id, thread, depth, frame)

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        """Return this host's kernelspecs, then those that each connected engine has told so far."""
        connected = [each for each in self._remote if each.is_connected]
        return self._specs.of(
            (self._local.kernel_specs(), *(each.kernel_specs.get() for each in connected))
        )

    def warm(self, kernel_name: str) -> None:
        with self._asked(kernel_name) as engine:
            engine.warm(kernel_name)

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]:
        with self._asked(target.kernel_id) as engine:
            return engine.before(verb, target)

    # -- verbs ----

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str:
        with self._asked(kernel_name) as engine:
            return engine.start(kernel_name, cwd=cwd, name=name)

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        with self._asked(target.kernel_id) as engine:
            return engine.do(verb, target, **options)

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        """Shut down our kernels of all engines at the same time.

        Those of an engine that is not connected are left alone, which is told.
        """
        here = None if targets is None else self._of(None, targets)
        orders = [] if here == [] else [partial(self._local.shutdown_all, here)]
        for remote in self._remote:
            ours = (each.target for each in remote.snapshots.get() if each.is_ours)
            if chosen := self._of(remote, ours if targets is None else targets):
                orders.append(partial(_shut_down, remote, chosen))
        return "; ".join(filter(None, _at_the_same_time(orders)))

    def _of(self, remote: GuardedEngine | None, targets: Iterable[Target]) -> list[Target]:
        return [each for each in targets if self._meant(each.kernel_id) is remote]


def _chained(parts: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(parts))


def _notices_of(remote: GuardedEngine) -> Iterator[Notice]:
    none: tuple[Notice, ...] = ()
    for each in remote.read(remote.engine.take_notices, none):
        yield replace(each, text=f"{remote.name}: {each.text}")


def _shut_down(remote: GuardedEngine, targets: Collection[Target]) -> str:
    if not remote.is_connected:
        return f"{remote.name} is not connected, and its kernels were left alone"
    with remote.asked() as engine:
        return engine.shutdown_all(targets)


def _at_the_same_time(orders: Sequence[Callable[[], str]]) -> list[str]:
    """Carry out orders; return what they say, their errors too."""
    told: list[str] = []

    def carry_out(order: Callable[[], str]) -> None:
        try:
            told.append(order())
        except KernelError as error:
            told.append(str(error))

    threads = [GuardedThread(partial(carry_out, each), "engine-shutdown") for each in orders]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return told
