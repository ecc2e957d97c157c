"""SharedTemplate: a template that the threads of one process may wait for together."""

from __future__ import annotations

import select
import threading
import time
from functools import partial

from kerneltui.frozen import frozen
from kerneltui.kernels.processes.conditions import give, own_conditions
from kerneltui.kernels.processes.identity import ProcessIdentity, boot_id, pid_namespace
from kerneltui.kernels.processes.nofile import restore_nofile_limit
from kerneltui.kernels.templates.events import Event, Exited, Forked, Refused
from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.recognition import NoTemplate, TemplateKey
from kerneltui.kernels.templates.template import Template, TemplateState

_GLANCE = 0.05  # seconds after which a thread looks whether another one has received its answer


class _Fate:
    """What became of one fork."""

    returncode: int | None = None


@frozen
class _Birth:
    forked: Forked
    fate: _Fate


class SharedTemplate:
    """Asks one template for kernels, and keeps what it tells until it is asked for.

    Rule: the lock is held while something is sent or received, and never while waiting.
    """

    def __init__(self, key: TemplateKey) -> None:
        """Start it. Raises OSError."""
        self._lock = threading.Lock()
        self._conditions = own_conditions()
        self._template = Template(key)
        self._answers: dict[int, _Birth | Refused | None] = {}
        """By number of the request; None while it waits."""
        self._fates: dict[int, _Fate] = {}
        """Of the forks that run, by pid."""
        restore_nofile_limit(self._template.pid)

    @property
    def state(self) -> TemplateState:
        """Its state, after what it has told until now."""
        self._receive()
        return self._template.state

    @property
    def reason(self) -> str:
        return self._template.reason

    @property
    def pid(self) -> int:
        return self._template.pid

    def fork(self, order: ForkOrder, fds: tuple[int, int, int]) -> ForkedProcess | NoTemplate:
        """Return a kernel's process that begins to run, or why there is none. Raises OSError."""
        with self._lock:
            number = self._template.request(order, fds)
            self._answers[number] = None
        try:
            answer = self._wait_for_answer(number, order.deadline)
        finally:
            with self._lock:
                late = self._answers.pop(number)
            if isinstance(late, _Birth):  # it came just when the time was over
                late.forked.abandon()
        if isinstance(answer, _Birth):
            return self._begun(answer)
        return NoTemplate("its template has not answered" if answer is None else answer.reason)

    def reported(self, fate: _Fate, within: float) -> int | None:
        """Return the exit code of a fork, once it is told within so many seconds; else None."""
        deadline = time.monotonic() + within
        while True:
            self._receive()
            if fate.returncode is not None or not self._wait(deadline):
                return fate.returncode

    def close(self) -> None:
        """End it, if it has not ended. Its kernels run on."""
        with self._lock:
            self._template.close()

    def forget(self) -> None:
        """Close this process's side, in a fork of the process that it belongs to."""
        self._template.forget()  # without the lock, which a thread that is not here may have held

    def _begun(self, birth: _Birth) -> ForkedProcess | NoTemplate:
        """Let a fork begin, under the conditions of this process as they are now."""
        forked = birth.forked
        try:
            give(forked.pid, own_conditions(), self._conditions)
        except OSError as error:
            forked.abandon()
            return NoTemplate(f"its conditions cannot be given: {error.strerror}")
        identity = ProcessIdentity(forked.pid, forked.start_ticks, boot_id(), pid_namespace())
        process = ForkedProcess(identity, forked.exit_fd, partial(self.reported, birth.fate))
        forked.release()
        return process

    def _wait_for_answer(self, number: int, deadline: float) -> _Birth | Refused | None:
        while True:
            self._receive()
            with self._lock:
                answer, self._answers[number] = self._answers[number], None
            if answer is not None or not self._wait(deadline):
                return answer

    def _wait(self, deadline: float) -> bool:
        """Wait until something may have been told; tell whether it makes sense to go on."""
        left, fd = deadline - time.monotonic(), self._template.fileno()
        if left <= 0 or fd < 0:
            return False
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        poller.poll(min(left, _GLANCE) * 1000)
        return True

    def _receive(self) -> None:
        with self._lock:
            for event in self._template.receive():
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Forked() if event.number in self._answers:
                self._fates[event.pid] = fate = _Fate()
                self._answers[event.number] = _Birth(event, fate)
            case Forked():  # too late: the caller has given up
                event.abandon()
            case Refused() if event.number in self._answers:
                self._answers[event.number] = event
            case Exited() if event.pid in self._fates:
                self._fates.pop(event.pid).returncode = event.returncode
            case _:
                pass
