"""RemoteKernel: what a server tells about a kernel, and since when. Pure.

Instants are of our `time.monotonic()`. A server's clock may differ from ours. So its times are only
used as ages, and what has changed between two looks counts as changed between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from kerneltui.frozen import frozen
from kerneltui.kernels.gateway.models import KernelModel, SessionModel
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

CONSOLE = "console"  # the type of a session with a random path


@frozen
class Look:
    """When a server was asked."""

    at: float
    """Instant of `time.monotonic()`."""
    wall: float
    """The same moment, in seconds since the epoch."""
    before: float | None = None
    """The look before, of `time.monotonic()`; None for a first one."""

    def instant_of(self, told: float | None, *, is_news: bool) -> float | None:
        """Return the instant of a time that the server told. `is_news`: not at the look before."""
        if told is None:
            return None
        instant = self.at - max(0.0, self.wall - told)
        return max(instant, self.before) if is_news and self.before is not None else instant


@frozen
class RemoteKernel:
    """A kernel of a server."""

    model: KernelModel
    state: KernelState
    seen_since: float
    """Since when it has been seen in this state."""
    since: float | None = None
    """When the state began, as far as known; for an idle kernel, when it last ran something."""
    notebook: str = ""
    """The path of the first notebook that uses it, relative to the server's folder."""
    active_at: float | None = None
    """When it last ran something."""

    @property
    def name(self) -> str:
        """The name of its notebook; "" if it has none."""
        return PurePosixPath(self.notebook).name


def notebooks_of(sessions: Iterable[SessionModel]) -> Mapping[str, str]:
    """Return the path of each kernel's first notebook, by the kernel's id."""
    found: dict[str, str] = {}
    for each in sessions:
        if each.path and each.kernel is not None and each.type != CONSOLE:
            found.setdefault(each.kernel.id, each.path)
    return found


def listed(
    models: Iterable[KernelModel],
    notebooks: Mapping[str, str],
    before: Mapping[str, RemoteKernel],
    look: Look,
) -> Mapping[str, RemoteKernel]:
    """Return the kernels of a look by id. `before`: those of the look before.

    An id that would have to be cleaned before it is shown is none of a Jupyter kernel.
    """
    return {
        each.id: _followed(each, notebooks.get(each.id, ""), before.get(each.id), look)
        for each in models
        if clean_line(each.id) == each.id
    }


def _followed(
    model: KernelModel, notebook: str, before: RemoteKernel | None, look: Look
) -> RemoteKernel:
    if before is None:
        return _first_seen(model, notebook, look)
    if model == before.model:
        return before if notebook == before.notebook else replace(before, notebook=notebook)
    state, active_at, changed_at = state_of(model), before.active_at, look.at
    if model.last_activity != before.model.last_activity:
        active_at = look.instant_of(model.last_activity, is_news=True)
        changed_at = active_at if active_at is not None else look.at
    is_same = state is before.state and state is not KernelState.IDLE  # an idle one has run since
    since, seen_since = (before.since, before.seen_since) if is_same else (changed_at, changed_at)
    return RemoteKernel(model, state, seen_since, since, notebook, active_at)


def _first_seen(model: KernelModel, notebook: str, look: Look) -> RemoteKernel:
    """Return a kernel that was not known before.

    A busy one's last activity is its last output; the server does not tell when its cell began.
    """
    state = state_of(model)
    active_at = look.instant_of(model.last_activity, is_news=False)
    seen_since = look.at if active_at is None else active_at
    since = active_at if state is KernelState.IDLE else None
    return RemoteKernel(model, state, seen_since, since, notebook, active_at)


def state_of(model: KernelModel) -> KernelState:
    """Return the state that a server tells; UNKNOWN for a word that is not a state."""
    try:
        return KernelState(model.state)
    except ValueError:
        return KernelState.UNKNOWN
