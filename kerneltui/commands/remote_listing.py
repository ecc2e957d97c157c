"""Lists a kernel of a remote engine as the commands list this host's. Pure."""

from __future__ import annotations

from kerneltui.commands.listing import Listed
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.registry.kernel_facts import state_word


def listed_snapshot(row: KernelSnapshot, now: float, instant: float) -> Listed:
    """Return a row as a command prints it.

    `now`: seconds since the epoch at `instant`, an instant of `time.monotonic()`.
    """

    def at(then: float | None) -> float | None:
        return None if then is None else now - (instant - then)

    condition, usage, death = row.condition, row.usage, row.death
    return Listed(
        id=row.kernel_id,
        name=row.name,
        kernelspec=row.own_spec,
        pid=row.pid,
        state=state_word(condition),
        memory=row.memory,
        cpu_time=None,
        started_at=at(row.started_at),
        cwd=row.working_folder or row.cwd,
        connection_file=row.connection_file,
        origin=str(row.origin),
        owner_pid=row.owner_pid,
        notebook=row.notebook,
        connections=row.clients,
        condition=condition.word,
        since=at(condition.since),
        sentence=condition.sentence or None,
        code=row.latest_code or None,
        cause=death.cause if death is not None else None,
        exit_code=death.exit_code if death is not None else None,
        signal=death.signal if death is not None else None,
        cpu_percent=None if row.cpu_percent is None else round(row.cpu_percent, 1),
        children=usage.processes - 1 if usage is not None else None,
        zombies=usage.zombies if usage is not None else None,
        answers=condition.answers,
        waits_for_input=condition.waits_for_input,
        last_activity=at(row.last_activity),
        liveness=str(row.liveness),
        why=row.reason,
        host=row.host,
        unheard_since=at(row.unheard_since),
        kind=row.kind,
        pending=row.pending,
    )
