"""Clients of dashboards with code in a kernel, and their part of a manifest."""

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
    asked_at: float
    """Seconds since the epoch."""


@frozen
class KeptClient:
    """A client whose code was not over; its input requests reach only a client of its identity."""

    session: str
    """Its session id, which is its identity."""
    requests: tuple[str, ...]
    """The msg_ids of its requests to run code, oldest first."""
    dashboard: ProcessIdentity
    """The dashboard's process; once that has ended, another may go on as the same client."""
    prompt: KeptPrompt | None = None
    """What the code asks, None for nothing; it may be answered meanwhile."""


def parse_clients(manifest: dict[str, object]) -> tuple[KeptClient, ...]:
    """Return the clients with code in the kernel. Raises what `values` raises."""
    earlier = manifest.get("client")  # an earlier kerneltui kept one
    kept = manifest.get("clients", [] if earlier is None else [earlier])
    return tuple(map(_parse_client, values.items(kept)))


def _parse_client(value: object) -> KeptClient:
    data = values.fields(value)
    dashboard = parse_identity(data["dashboard"])
    if dashboard is None:
        raise ValueError
    return KeptClient(
        session=values.clean(data["session"]),
        requests=tuple(map(values.clean, values.items(data["requests"]))),
        dashboard=dashboard,
        prompt=_parse_prompt(data["prompt"]),
    )


def _parse_prompt(value: object) -> KeptPrompt | None:
    if value is None:
        return None
    data = values.fields(value)
    return KeptPrompt(
        text=values.clean(data["text"]),
        password=data["password"] is True,
        parent_id=values.clean(data["parent_id"]),
        asked_at=values.instant(data["asked_at"]),
    )


def parse_identity(value: object) -> ProcessIdentity | None:
    """Return the process that is noted; None if none is. Raises what `values` raises."""
    if value is None:
        return None
    data = values.fields(value)
    return ProcessIdentity(
        values.number(data["pid"], PIDS),
        values.number(data["start_ticks"], TICKS),
        values.text(data["boot_id"]),
        values.text(data.get("pid_namespace", "")),
    )
