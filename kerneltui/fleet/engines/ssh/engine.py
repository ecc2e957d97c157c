"""SshEngine: the kernels of another host, through `kerneltui agent` there and the user's ssh."""

from __future__ import annotations

import time
from collections.abc import Collection, Container
from concurrent.futures import Future
from typing import Any, TypeVar, Unpack

from kerneltui.errors import ActionRefused, KernelError, KernelTimeout
from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.diagnosis.stack import Frame, Stack
from kerneltui.fleet.diagnosis.variable import Variable
from kerneltui.fleet.engines.engine_state import EngineState
from kerneltui.fleet.engines.ssh.box import Box
from kerneltui.fleet.engines.ssh.codec import Unusable, decode, encode
from kerneltui.fleet.engines.ssh.command import ssh_command
from kerneltui.fleet.engines.ssh.connector import Connector
from kerneltui.fleet.engines.ssh.console import SshConsole
from kerneltui.fleet.engines.ssh.message_feed import MessageCopy
from kerneltui.fleet.engines.ssh.names import Names
from kerneltui.fleet.engines.ssh.output_copy import OutputCopy
from kerneltui.fleet.inspection.host_usage import HostUsage
from kerneltui.fleet.inspection.kernel_info import KernelInfo
from kerneltui.fleet.inspection.process_tree import ProcessFacts
from kerneltui.fleet.inspection.spec_choice import SpecChoice
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.threads.periodic import PeriodicThread
from kerneltui.kernels.processes.identity import ProcessIdentity

LOOKUP_TIME = 20.0  # seconds for a lookup
VERB_TIME = 120.0  # seconds for a verb: a shutdown waits for its kernel
SPECS_AGE = 5.0  # seconds after which the kernelspecs are looked up again, if they are wanted

T = TypeVar("T")


class SshEngine:
    """Published values are those that were told last; lookups and verbs need a connection."""

    kind_of_engine = "ssh host"

    def __init__(self, name: str, destination: str, *, command: str = "") -> None:
        """`destination`: as ssh takes it. `command`: the kerneltui there, in the words of a shell;
        "" for the one that the shell finds.

        Raises KernelError for a destination that is not a host.
        """
        self.name = name
        self._names = names = Names(name)
        self._box = box = Box(names)
        argv = ssh_command(destination, command)
        self._connector = Connector(name, argv, destination, box, self._begin)
        self.console = SshConsole(box, names, self._connector.ask, self._warn)
        self._detailed = ""
        self._processes: dict[str, tuple[ProcessIdentity, ...]] = {}
        """By kernel id, those that were told last."""
        self._followed: tuple[list[str], list[str]] = ([], [])
        self._specs_asked_at = 0.0
        self._sight = PeriodicThread(f"engine-sight {name}", "following output", self._follow)

    def open(self) -> None:
        self._connector.start()
        self._sight.start()

    def close(self) -> None:
        """End ssh; the kernels do not notice."""
        self._sight.end()
        self._connector.close()
        self._sight.stop()

    @property
    def state(self) -> EngineState:
        return self._connector.state

    # -- published values ----

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        return self._box.snapshots

    @property
    def host(self) -> HostUsage | None:
        return self._box.host

    def transcript(self, kernel_id: str) -> OutputCopy | None:
        """Return a kernel's output, which is sent as long as somebody reads it."""
        copy = self._box.output(self._names.inner(kernel_id))
        self._follow()
        return copy

    def message_log(self, kernel_id: str) -> MessageCopy | None:
        copy = self._box.messages(self._names.inner(kernel_id))
        self._follow()
        return copy

    def kernel_specs(self) -> tuple[SpecChoice, ...]:
        """Return the kernelspecs as they were told last, and have them looked up again."""
        if time.monotonic() - self._specs_asked_at > SPECS_AGE:
            self._ask_for_specs()
        return self._box.specs

    def take_notices(self) -> tuple[Notice, ...]:
        return self._box.take_notices()

    def note_told(self, notice: Notice) -> None:
        self._connector.tell("note_told", notice=encode(self._names.inner_notice(notice)))

    def mark(self, kernel_id: str) -> None:
        self._connector.tell("mark", kernel=self._names.inner(kernel_id))

    @property
    def locked(self) -> bool:
        return self.console.locked

    @locked.setter
    def locked(self, locked: bool) -> None:
        self.console.locked = locked
        self._connector.tell("set", locked=locked)

    @property
    def detailed(self) -> str:
        return self._detailed

    @detailed.setter
    def detailed(self, kernel_id: str) -> None:
        if kernel_id != self._detailed:
            self._detailed = kernel_id
            self._connector.tell("set", detailed=self._names.inner(kernel_id))

    # -- lookups ----

    def info(self, kernel_id: str) -> KernelInfo:
        return self._look_up(KernelInfo, "info", kernel=self._names.inner(kernel_id))

    def processes(
        self, kernel_id: str, opened: Container[ProcessIdentity] = ()
    ) -> tuple[ProcessFacts, ...]:
        known = self._processes.get(kernel_id, ())
        found = self._look_up(
            tuple[ProcessFacts, ...],
            "processes",
            kernel=self._names.inner(kernel_id),
            opened=[encode(each) for each in known if each in opened],
        )
        self._processes = {kernel_id: tuple(each.identity for each in found)}
        return found

    def log(self, kernel_id: str) -> OutputCopy | None:
        inner = self._names.inner(kernel_id)
        return self._box.log(inner) if self._look_up(bool, "log", kernel=inner) else None

    def stack(self, kernel_id: str) -> Stack:
        return self._look_up(Stack, "stack", kernel=self._names.inner(kernel_id))

    def variables(self, kernel_id: str) -> tuple[Variable, ...]:
        inner = self._names.inner(kernel_id)
        return self._look_up(tuple[Variable, ...], "variables", kernel=inner)

    def frame_names(
        self, kernel_id: str, thread: int, depth: int, frame: Frame
    ) -> tuple[Variable, ...]:
        return self._look_up(
            tuple[Variable, ...],
            "frame_names",
            kernel=self._names.inner(kernel_id),
            thread=thread,
            depth=depth,
            frame=encode(frame),
        )

    def warm(self, kernel_name: str) -> None:
        self._connector.tell("warm", spec=self._names.inner(kernel_name))

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]:
        told = encode(self._names.inner_target(target))
        return self._look_up(tuple[str, ...], "before", verb=verb.name, target=told)

    # -- verbs ----

    def start(self, kernel_name: str, *, cwd: str, name: str = "") -> str:
        """Start a kernel there; `cwd`: a folder there, in its home folder if it is relative."""
        inner = self._names.inner(kernel_name)
        return self._names.outer(self._order("start", spec=inner, cwd=cwd, name=name))

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        told = encode(self._names.inner_target(target))
        return self._order("do", verb=verb.name, target=told, options=encode(options))

    def shutdown_all(self, targets: Collection[Target] | None = None) -> str:
        inner = self._names.inner_target
        told = None if targets is None else [encode(inner(each)) for each in targets]
        return self._order("shutdown_all", targets=told)

    # -- the connection ----

    def _order(self, do: str, **arguments: object) -> str:
        if self.locked:
            raise ActionRefused(LOCKED)
        return self._wait(str, self._connector.ask(do, **arguments), do, VERB_TIME)

    def _look_up(self, shape: type[T], do: str, **arguments: object) -> T:
        return self._wait(shape, self._connector.ask(do, **arguments), do, LOOKUP_TIME)

    def _wait(self, shape: type[T], reply: Future[Any], do: str, timeout: float) -> T:
        try:
            return decode(shape, reply.result(timeout))
        except TimeoutError:
            if reply.done():  # the error that was told is one itself
                raise
            raise KernelTimeout(f"{self.name}: no reply to {do!r} within {timeout:.0f} s") from None
        except Unusable as error:
            raise KernelError(f"{self.name}: its reply to {do!r} is of no use: {error}") from None

    def _begin(self) -> None:
        """Tell a new agent what it has to know."""
        self._followed = ([], [])
        detailed = self._names.inner(self._detailed)
        self._connector.tell("set", locked=self.locked, detailed=detailed)
        self._ask_for_specs()
        self._follow()

    def _ask_for_specs(self) -> None:
        self._specs_asked_at = time.monotonic()
        self._connector.tell("specs")

    def _follow(self) -> None:
        """Have sent what is in sight, and nothing else."""
        followed = self._box.followed()
        if followed != self._followed:
            self._followed = followed
            self._connector.tell("follow", output=followed[0], messages=followed[1])

    def _warn(self, text: str) -> None:
        self._box.notices.append(Notice("warning", text))
