"""ProcessLook: what kernels' processes use, at one moment and between two moments."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from kerneltui.fleet.diagnosis.condition import ProcessState
from kerneltui.fleet.inspection.memory import memory_of
from kerneltui.fleet.inspection.process_sample import ProcessSample, look_at, uses_cpu
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.tree import children_of_all, descendants
from kerneltui.kernels.templates.parentage import is_forked

WINDOW = 0.2  # seconds between two samples: a process at work uses several clock ticks in it
POLLING = 0.3  # of a core, between two looks


@frozen
class ProcessFacts:
    """What looks at a process show; all None if it is gone."""

    pid: int | None = None
    state: ProcessState | None = None
    memory: int | None = None
    """The bytes that its tree takes."""
    cpu_time: float | None = None
    """Seconds that its living tree has used."""
    started_at: float | None = None
    """Seconds since the epoch."""
    children: int | None = None
    """Living descendants."""
    zombies: int | None = None
    cpu: float | None = None
    """CPU seconds that the tree used per second between two looks; None after a single one."""
    children_busy: bool = False
    """Its descendants used CPU time between the looks."""

    @property
    def is_quiet(self) -> bool:
        """Whether its tree has used no CPU time and its process sleeps."""
        if self.cpu is None or uses_cpu(self.cpu):
            return False
        return self.state is ProcessState.SLEEPING

    @property
    def is_nearly_quiet(self) -> bool:
        """Whether it used so little CPU time that it may only have answered our questions."""
        return self.may_poll and not self.is_quiet

    @property
    def may_poll(self) -> bool:
        """Whether it uses no more CPU time than a cell that waits for input by polling."""
        return self.cpu is not None and self.cpu < POLLING


_Samples = Mapping[ProcessIdentity, ProcessSample]
"""The samples of a tree, the kernel's own process first; empty if it is gone."""


class ProcessLook:
    """Looks at each process when it is created, and again at each `look_again`."""

    def __init__(self, kernels: Iterable[ProcessIdentity | None]) -> None:
        children = children_of_all()
        identities = frozenset(each for each in kernels if each is not None)
        roots = frozenset(each.pid for each in identities)
        # A kernel among the descendants has figures of its own.
        trees = {each: (each, *descendants(each.pid, children, roots)) for each in identities}
        self._now = {each: _samples(tree) for each, tree in trees.items()}
        self._before = self._now
        self._looked_at = time.monotonic()
        self._elapsed = 0.0

    def look_again(self) -> None:
        """Look at the same processes WINDOW seconds after the look before."""
        time.sleep(max(0.0, self._looked_at + WINDOW - time.monotonic()))
        now = time.monotonic()
        self._elapsed, self._looked_at = now - self._looked_at, now
        self._before = self._now
        self._now = {each: _samples(tree) for each, tree in self._before.items()}

    def at(self, identity: ProcessIdentity | None) -> ProcessFacts:
        samples = self._now.get(identity, {}) if identity is not None else {}
        age = identity.age() if identity is not None else None
        if identity is None or age is None or identity not in samples:
            return ProcessFacts()
        living = {each: seen for each, seen in samples.items() if not seen.is_zombie}
        loads = self._loads(identity, living)
        return ProcessFacts(
            pid=identity.pid,
            state=samples[identity].state,
            memory=memory_of([each.pid for each in living], is_forked=is_forked(identity)),
            cpu_time=sum(seen.cpu_time for seen in living.values()),
            started_at=time.time() - age,
            children=len(living) - 1,
            zombies=len(samples) - len(living),
            cpu=sum(loads) if self._elapsed else None,
            children_busy=uses_cpu(sum(loads[1:])),
        )

    def _loads(self, identity: ProcessIdentity, living: _Samples) -> list[float]:
        """Return the CPU seconds per second of each process since the look before."""
        before = self._before[identity]
        used = [seen.cpu_time - before[each].cpu_time for each, seen in living.items()]
        return [each / self._elapsed if self._elapsed else 0.0 for each in used]


def _samples(tree: Iterable[ProcessIdentity]) -> _Samples:
    return {each: seen for each in tree if (seen := look_at(each.pid))}
