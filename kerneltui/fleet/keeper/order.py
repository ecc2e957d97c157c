"""LaunchOrder: what the keeper is asked to start, and its way through a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from kerneltui.fleet.keeper.exchange import Unusable
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.conditions import Conditions


@frozen
class LaunchOrder:
    """A process to be started: with these arguments, and under these conditions."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    conditions: Conditions
    deadline: float
    """Instant of `time.monotonic()` after which whoever asked has given up."""
    may_fork: bool = True
    """It may be forked from a template, if it is an ipykernel."""
    preload: tuple[str, ...] = ()
    """Modules that its template imports although a kernel does not need them."""


def told(order: LaunchOrder) -> dict[str, Any]:
    """Return an order as a JSON object."""
    return asdict(order) | {"env": dict(order.env)}


def read_order(data: Mapping[str, Any]) -> LaunchOrder:
    """Return the order in a JSON object. Raises Unusable."""
    try:
        conditions = data["conditions"]
        order = LaunchOrder(
            argv=tuple(map(str, data["argv"])),
            env={str(name): str(value) for name, value in data["env"].items()},
            cwd=str(data["cwd"]),
            conditions=Conditions(
                umask=int(conditions["umask"]),
                nice=int(conditions["nice"]),
                oom_score_adj=int(conditions["oom_score_adj"]),
                cpus=tuple(map(int, conditions["cpus"])),
                limits=tuple((str(n), int(s), int(h)) for n, s, h in conditions["limits"]),
            ),
            deadline=float(data["deadline"]),
            may_fork=bool(data["may_fork"]),
            preload=tuple(map(str, data["preload"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise Unusable("an order to the keeper is incomplete") from None
    if not order.argv or "\0" in order.cwd:
        raise Unusable("an order to the keeper names no program, or an impossible folder")
    return order
