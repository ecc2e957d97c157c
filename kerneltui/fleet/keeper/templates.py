"""Templates: the keeper's templates of Python kernels, one for all kernels that may share it.

Rule: nothing here waits. What a template tells is taken when the keeper's poll shows it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

from kerneltui.fleet.keeper.ends import Ends
from kerneltui.fleet.keeper.order import LaunchOrder
from kerneltui.frozen import frozen
from kerneltui.kernels.processes.conditions import give, own_conditions
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id, pid_namespace
from kerneltui.kernels.templates.events import Event, Exited, Forked, Refused
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.recognition import NoTemplate, TemplateKey, recognise
from kerneltui.kernels.templates.template import Template, TemplateState

MOST = 4  # templates at a time: each has some 60 MB
WARMING = 5.0  # seconds that an order waits for a template that is not ready
ANSWERING = 2.0  # seconds more for it to fork, which takes some milliseconds
IDLE = 300.0  # seconds after its last kernel until a template ends
RETRY = 60.0  # seconds after which a template that failed is tried again

ABANDONED = "its asker has gone"

Answer = Callable[[ProcessIdentity | NoTemplate], None]
"""Is called once with the process that was forked, or why there is none."""


@frozen
class Waiting:
    """An order that a template has not answered."""

    order: LaunchOrder
    streams: tuple[int, int, int]
    """Open until it is answered."""
    answer: Answer
    is_wanted: Callable[[], bool]
    """Tells whether its asker still waits for the answer."""
    until: float
    """Instant of `time.monotonic()` until which the template may warm."""


class KeptTemplate:
    """One template, what it was asked, and the kernels that it has forked."""

    def __init__(self, key: TemplateKey) -> None:
        """Start it. Raises OSError."""
        self.template = Template(key)
        self.began_at = self.used_at = time.monotonic()
        self.waiting: list[Waiting] = []
        """What it is asked once it is ready."""
        self.asked: dict[int, Waiting] = {}
        """By the number of the request."""
        self.kernels: dict[int, ProcessIdentity] = {}
        """By pid."""

    @property
    def is_unused(self) -> bool:
        """It has no kernel, and is about to get none."""
        return not (self.waiting or self.asked or self.kernels)

    @property
    def is_idle(self) -> bool:
        return self.is_unused and time.monotonic() - self.used_at >= IDLE

    @property
    def is_hanging(self) -> bool:
        """It was stopped, or waits for a file system: it does not answer."""
        now = time.monotonic()
        return any(now >= each.until + ANSWERING for each in self.asked.values())

    @property
    def is_in_use(self) -> bool:
        """It can fork, or will be able to."""
        return self.template.state in (TemplateState.WARMING, TemplateState.READY)

    @property
    def is_to_be_tried_again(self) -> bool:
        has_failed = self.template.state is TemplateState.FAILED
        return not self.is_in_use and not (has_failed and time.monotonic() - self.began_at < RETRY)

    def expired(self) -> Iterator[Waiting]:
        """Yield, and forget, the orders that wait no longer."""
        now, is_over = time.monotonic(), not self.is_in_use
        for each in [each for each in self.waiting if is_over or now >= each.until]:
            self.waiting.remove(each)
            yield each
        for number in [number for number in self.asked if is_over]:
            yield self.asked.pop(number)


class Templates:
    """Runs in the keeper's one thread."""

    def __init__(self, ends: Ends, watch: Callable[[int], object]) -> None:
        """`watch`: has the keeper poll a descriptor, until it is closed."""
        self._ends = ends
        self._watch = watch
        self._current: dict[TemplateKey, KeptTemplate] = {}
        self._retired: list[KeptTemplate] = []
        """They fork no more, and tell how their kernels end."""

    def close(self) -> None:
        """End all templates; their kernels run on."""
        for each in (*self._current.values(), *self._retired):
            each.template.close()
            self._give_up(each, "the keeper ends")

    def warm(self, order: LaunchOrder) -> None:
        """Start the template that a launch like this could use. Raises OSError."""
        key = recognise(order.argv, order.env, order.cwd, order.preload)
        if isinstance(key, TemplateKey):
            self._template(key)

    def fork(
        self,
        order: LaunchOrder,
        streams: Sequence[int],
        answer: Answer,
        is_wanted: Callable[[], bool],
    ) -> None:
        """Have a template fork a kernel; it is answered at once, or later.

        Raises OSError or ValueError if no template can be started; then there is no answer.
        """
        key = recognise(order.argv, order.env, order.cwd, order.preload)
        kept = key if isinstance(key, NoTemplate) else self._template(key)
        if isinstance(kept, NoTemplate):
            answer(kept)
            return
        if not kept.is_in_use:
            state, reason = kept.template.state.value, kept.template.reason
            answer(NoTemplate(f"its template is {state}: {reason}"))
            return
        stdin, stdout, stderr = streams
        until = time.monotonic() + WARMING
        kept.waiting.append(Waiting(order, (stdin, stdout, stderr), answer, is_wanted, until))
        self._ask(kept)

    def hear(self, fd: int) -> None:
        """Take what the template with this descriptor tells."""
        for each in self._all():
            if each.template.fileno() == fd:
                self._receive(each)

    def look(self) -> None:
        """Give up what has waited too long, and end what is idle."""
        for each in self._all():
            self._receive(each)
            if each.is_hanging:
                each.template.close()  # its kernels run on; a fork at its gate ends
            for late in each.expired():
                _refuse(late, each.template.reason or "its template is not ready in time")
        for key, each in list(self._current.items()):
            if each.is_idle:
                del self._current[key]
                each.template.close()
        self._retired = [each for each in self._retired if each.template.fileno() >= 0]

    # -- one template ----

    def _all(self) -> list[KeptTemplate]:
        return [*self._current.values(), *self._retired]

    def _template(self, key: TemplateKey) -> KeptTemplate | NoTemplate:
        """Return the template of a key, which may be new. Raises OSError."""
        known = self._current.get(key)
        if known is not None and not known.is_to_be_tried_again:
            return known
        if known is not None:
            self._retired.append(self._current.pop(key))
        if not self._has_room():
            return NoTemplate(f"{MOST} templates run already")
        self._current[key] = kept = KeptTemplate(key)
        self._watch(kept.template.fileno())
        return kept

    def _has_room(self) -> bool:
        """Make room for one more template, if there is one without kernels; tell whether it is."""
        running = {key: each for key, each in self._current.items() if each.is_in_use}
        unused = [key for key, each in running.items() if each.is_unused]
        if len(running) >= MOST and unused:
            longest = min(unused, key=lambda key: running[key].used_at)
            self._current.pop(longest).template.close()
        return len(running) < MOST or bool(unused)

    def _ask(self, kept: KeptTemplate) -> None:
        """Ask a template that is ready for all that waits for it."""
        while kept.template.can_fork and kept.waiting:
            each = kept.waiting.pop(0)
            if not each.is_wanted():
                _refuse(each, ABANDONED)
                continue
            order = each.order
            wanted = ForkOrder(
                order.argv, order.env, order.cwd, order.conditions.umask, order.deadline
            )
            try:
                number = kept.template.request(wanted, each.streams)
            except (OSError, ValueError) as error:
                _refuse(each, getattr(error, "strerror", None) or "it cannot be passed on")
                continue
            kept.used_at = time.monotonic()
            kept.asked[number] = each

    def _receive(self, kept: KeptTemplate) -> None:
        for event in kept.template.receive():
            self._note(kept, event)
        self._ask(kept)
        if not kept.is_in_use:
            self._give_up(kept, kept.template.reason or "its template has ended")

    def _give_up(self, kept: KeptTemplate, reason: str) -> None:
        for each in kept.expired():
            _refuse(each, reason)

    def _note(self, kept: KeptTemplate, event: Event) -> None:
        match event:
            case Forked():
                self._begin(kept, event)
            case Refused() if event.number in kept.asked:
                _refuse(kept.asked.pop(event.number), event.reason)
            case Exited() if event.pid in kept.kernels:
                kept.used_at = time.monotonic()
                self._ends.note(kept.kernels.pop(event.pid), event.returncode)
            case _:
                pass

    def _begin(self, kept: KeptTemplate, forked: Forked) -> None:
        """Let a fork begin, unless nobody waits for it any more."""
        asked = kept.asked.pop(forked.number, None)
        if asked is None:
            forked.abandon()
            return
        if not asked.is_wanted():  # with no keeper, its kernel would not have been started either
            forked.abandon()
            _refuse(asked, ABANDONED)
            return
        try:
            give(forked.pid, asked.order.conditions, own_conditions())
        except OSError as error:
            forked.abandon()
            _refuse(asked, str(error.strerror or error))
            return
        identity = ProcessIdentity(forked.pid, forked.start_ticks, boot_id(), pid_namespace())
        kept.kernels[forked.pid] = identity
        self._ends.await_end(identity)
        forked.release()
        os.close(forked.exit_fd)
        asked.answer(identity)


def _refuse(waiting: Waiting, reason: str) -> None:
    waiting.answer(NoTemplate(reason))
