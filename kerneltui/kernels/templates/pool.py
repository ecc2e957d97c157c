"""TemplatePool: the templates of this process, one for all kernels that may share it."""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
from collections.abc import Callable

from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.recognition import NoTemplate, TemplateKey
from kerneltui.kernels.templates.shared_template import SharedTemplate
from kerneltui.kernels.templates.template import TemplateState

RETRY = 60.0  # seconds after which a template that failed is tried again


class TemplatePool:
    """Starts a template when a kernel could have used it, and forks from it when it is ready."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current: dict[TemplateKey, tuple[SharedTemplate, float]] = {}
        """With the instant of their start."""
        self._retired: list[SharedTemplate] = []
        """They fork no more, and run until the last of their kernels has ended."""
        self._forgotten: list[object] = []

    def warm(self, key: TemplateKey) -> TemplateState:
        """Start a template unless there is one; return its state. Raises OSError."""
        return self._template(key).state

    def fork(
        self, key: TemplateKey, order: ForkOrder, fds: tuple[int, int, int]
    ) -> ForkedProcess | NoTemplate:
        """Return the process of a kernel, or why there is none. Raises OSError."""
        template = self._template(key)
        state = template.state
        if state is TemplateState.READY:
            return template.fork(order, fds)
        about = f": {template.reason}" if template.reason else ""
        return NoTemplate(f"its template is {state.value}{about}")

    def close(self) -> None:
        """End all templates; their kernels run on, as far as they may outlive their parent."""
        self._for_all(SharedTemplate.close)
        self._current.clear()
        self._retired.clear()

    def forget(self) -> None:
        """Close this process's side of them, in a fork of the process that they belong to."""
        self._for_all(SharedTemplate.forget)
        self._forgotten = [
            *self._current.values(),
            *self._retired,
        ]  # kept: they are not ours to end
        self._current, self._retired = {}, []

    def _for_all(self, deed: Callable[[SharedTemplate], None]) -> None:
        for template in (*(each for each, _ in self._current.values()), *self._retired):
            deed(template)

    def _template(self, key: TemplateKey) -> SharedTemplate:
        with self._lock:
            self._retired = [each for each in self._retired if each.state is TemplateState.STALE]
            known, since = self._current.get(key, (None, 0.0))
            if known is not None and not _is_over(known, since):
                return known
            if known is not None and known.state is TemplateState.STALE:
                self._retired.append(known)
            template = SharedTemplate(key)
            self._current[key] = template, time.monotonic()
            return template


def _is_over(template: SharedTemplate, since: float) -> bool:
    state = template.state
    if state is TemplateState.FAILED:
        return time.monotonic() - since > RETRY
    return state in (TemplateState.STALE, TemplateState.GONE)


@functools.cache
def _pool_of(_pid: int) -> TemplatePool:
    pool = TemplatePool()
    atexit.register(pool.close)
    os.register_at_fork(after_in_child=pool.forget)
    return pool


def template_pool() -> TemplatePool:
    """Return the templates of this process; a forked child gets its own."""
    return _pool_of(os.getpid())
