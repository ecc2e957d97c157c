"""The part of a manifest that tells what a cell of a dashboard's asks, for the next dashboard."""

from __future__ import annotations

from kerneltui.fleet.manifests import values
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.identity import ProcessIdentity

PIDS = range(1, 1 << 31)
TICKS = range(1 << 63)


@frozen
class KeptPrompt:
    """A cell that waits for the input of a dashboard's user."""

    text: str
    password: bool
    parent_id: str
    """The msg_id of the request to run the cell."""
    session: str
    """The client that the kernel asks: what it asks next reaches none of another identity."""
    asked_at: float
    """Seconds since the epoch."""
    asker: ProcessIdentity
    """The dashboard that shows it; once it has ended, another may."""


def parse_prompt(value: object) -> KeptPrompt | None:
    """Return what a cell asks. Raises what `values` does, as `parse_identity`."""
    if value is None:
        return None
    data = values.fields(value)
    asker = parse_identity(data["asker"])
    if asker is None:
        raise ValueError
    return KeptPrompt(
        text=values.clean(data["text"]),
        password=data["password"] is True,
        parent_id=values.clean(data["parent_id"]),
        session=values.clean(data["session"]),
        asked_at=values.instant(data["asked_at"]),
        asker=asker,
    )


def parse_identity(value: object) -> ProcessIdentity | None:
    """Return which process is meant; None where none is noted."""
    if value is None:
        return None
    data = values.fields(value)
    return ProcessIdentity(
        values.number(data["pid"], PIDS),
        values.number(data["start_ticks"], TICKS),
        values.text(data["boot_id"]),
        values.text(data.get("pid_namespace", "")),
    )
