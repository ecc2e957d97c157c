"""ProcessLook: what kernels' processes use, at one moment and between two moments."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping

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


@frozen
class _Look:
    """The latest look at a kernel's tree, and how that differs from the one before."""

    at: float
    """Instant of `time.monotonic()`."""
    samples: _Samples
    before: _Samples
    elapsed: float = 0.0
    """Seconds since the one before; 0 if there was none."""

    def loads(self, living: _Samples) -> list[float]:
        """Return the CPU seconds per second of each process since the look before."""
        used = [seen.cpu_time - self.before[each].cpu_time for each, seen in living.items()]
        return [each / self.elapsed if self.elapsed else 0.0 for each in used]


class ProcessLook:
    """Looks at each kernel's processes when it is created, and again at each `look_again`."""

    def __init__(self, kernels: Iterable[ProcessIdentity | None]) -> None:
        children = children_of_all()
        identities = frozenset(each for each in kernels if each is not None)
        roots = frozenset(each.pid for each in identities)
        # A kernel among the descendants has figures of its own.
        trees = {each: (each, *descendants(each.pid, children, roots)) for each in identities}
        now = time.monotonic()
        first = {each: _samples(tree) for each, tree in trees.items()}
        self._looks = {each: _Look(now, samples, samples) for each, samples in first.items()}
        self._looked_at = now

    def look_again(self, kernels: Container[ProcessIdentity] | None = None) -> None:
        """Look at the same processes WINDOW seconds after the look before.

        `kernels`: those to look at; what the others did in their latest window stays.
        """
        time.sleep(max(0.0, self._looked_at + WINDOW - time.monotonic()))
        self._looked_at = now = time.monotonic()
        for kernel, look in self._looks.items():
            if kernels is None or kernel in kernels:
                seen = _samples(look.samples)
                self._looks[kernel] = _Look(now, seen, look.samples, now - look.at)

    def at(self, identity: ProcessIdentity | None) -> ProcessFacts:
        look = self._looks.get(identity) if identity is not None else None
        age = identity.age() if identity is not None else None
        if identity is None or age is None or look is None or identity not in look.samples:
            return ProcessFacts()
        living = {each: seen for each, seen in look.samples.items() if not seen.is_zombie}
        loads = look.loads(living)
        return ProcessFacts(
            pid=identity.pid,
            state=look.samples[identity].state,
            memory=memory_of([each.pid for each in living], is_forked=is_forked(identity)),
            cpu_time=sum(seen.cpu_time for seen in living.values()),
            started_at=time.time() - age,
            children=len(living) - 1,
            zombies=len(look.samples) - len(living),
            cpu=sum(loads) if look.elapsed else None,
            children_busy=uses_cpu(sum(loads[1:])),
        )


def _samples(tree: Iterable[ProcessIdentity]) -> _Samples:
    return {each: seen for each in tree if (seen := look_at(each.pid))}
