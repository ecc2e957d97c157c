"""KernelVerbs: checks and carries out verbs on kernels. In any thread; they block.

Every verb returns a sentence worth showing, or "", and raises KernelError. `capabilities` is the
table of the verbs.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Unpack

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.console import LOCKED
from kerneltui.fleet.control import interrupts
from kerneltui.fleet.control.controllers import (
    KernelController,
    OwnController,
    ask_to_interrupt,
)
from kerneltui.fleet.control.ladder import Attempt, Rung, advice, next_rung, rungs
from kerneltui.fleet.control.look_turns import LookTurns
from kerneltui.fleet.control.stale_files import left_by_others
from kerneltui.fleet.discovery.naming import PATH_WIDTH
from kerneltui.fleet.keeper.start import KeeperStarter
from kerneltui.fleet.manifests.adoption import environment_differs, todays_environment
from kerneltui.fleet.manifests.manifest import RESTARTING
from kerneltui.fleet.manifests.names import checked_name
from kerneltui.fleet.model.capabilities import VERBS, Method, Verb, why_not
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.options import Options
from kerneltui.fleet.model.snapshot import Target
from kerneltui.fleet.reconcile.external import ExternalKernels
from kerneltui.fleet.registry.registry import KernelRegistry
from kerneltui.fleet.registry.tracked_kernel import TrackedKernel
from kerneltui.fleet.registry.tracker import Tracker
from kerneltui.frozen import frozen
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.identity import ProcessIdentity
from kerneltui.kernels.processes.marked import marked_by
from kerneltui.kernels.processes.pending import wait_until_taken
from kerneltui.kernels.processes.process import (
    describe_process,
    kill_all,
    outside_group,
    signal_process,
)
from kerneltui.kernels.processes.tree import descendants, relatives
from kerneltui.protocol.status import KernelState
from kerneltui.protocol.text import clean_line

LOOK_PATIENCE = 0.3  # seconds that an interrupt waits for a look into the kernel


@frozen
class _Asked:
    """A verb that is about to be carried out on a kernel."""

    target: Target
    kernel: TrackedKernel
    controller: KernelController
    options: Options


class KernelVerbs:
    """Carries out verbs on the kernels that a front end has picked."""

    def __init__(
        self,
        registry: KernelRegistry,
        tracker: Tracker,
        kernels: MultiKernelManager,
        external: ExternalKernels,
        recorder: KeeperStarter,
        turns: LookTurns,
    ) -> None:
        self._registry = registry
        self._tracker = tracker
        self._orders = tracker.orders
        self._kernels = kernels
        self._external = external
        self._recorder = recorder
        self._turns = turns
        self._ways: Mapping[Verb, Callable[[_Asked], str]] = {
            Verb.INTERRUPT: self._interrupt,
            Verb.SIGNAL: self._signal,
            Verb.RESTART: partial(self._restart, now=False),
            Verb.RESTART_NOW: partial(self._restart, now=True),
            Verb.SHUTDOWN: self._shut_down,
            Verb.KILL: self._kill,
            Verb.VERIFY: self._verify,
            Verb.AUTORESTART: self._toggle_autorestart,
            Verb.RENAME: self._rename,
        }

    def permit(self) -> None:
        """Raise ActionRefused while the fleet is locked: kernels are only watched then."""
        if self._tracker.console.locked:
            raise ActionRefused(LOCKED)

    def do(self, verb: Verb, target: Target, **options: Unpack[Options]) -> str:
        """Carry out a verb on the target kernel, if it is allowed."""
        self.permit()
        kernel = self._tracked(target)
        if reason := why_not(kernel.kind, verb):
            raise ActionRefused(f"cannot {verb} {kernel.name}: {reason}")
        return self._ways[verb](_Asked(target, kernel, self._controller(kernel), options))

    def before(self, verb: Verb, target: Target) -> tuple[str, ...]:
        """Look up what the user should know before a verb is carried out, a line each."""
        kernel = self._tracked(target)
        match verb:
            case Verb.INTERRUPT:
                self._refuse_gone(target)
                warning = interrupts.warning(_reaction(kernel))
                return (warning,) if warning else ()
            case Verb.KILL:
                return tuple(map(_named, self._escaped(kernel, target)))
            case Verb.SHUTDOWN | Verb.RESTART_NOW if kernel.is_alive:
                return tuple(map(_named, self._escaped(kernel, target)))
            case Verb.SHUTDOWN if kernel.kind is Kind.STALE_FILE and kernel.found is not None:
                files = left_by_others(kernel.found)
                return tuple(clean_line(str(path), PATH_WIDTH) for path in files)
        return ()

    def _escaped(self, kernel: TrackedKernel, target: Target) -> tuple[ProcessIdentity, ...]:
        """Return the processes that a signal to the group does not reach.

        A kill ends them too. Those that an earlier process of the kernel has left are among them,
        and for a kernel that has ended they are all.
        """
        if kernel.leftovers and not kernel.is_alive:
            return kernel.leftovers
        self._refuse_gone(target)
        if target.identity is None:
            return ()
        pid = target.identity.pid
        marked = marked_by(kernel.kernel_id) if kernel.is_ours else ()
        family = dict.fromkeys((*descendants(pid), *marked, *kernel.leftovers))
        return outside_group(pid, family)

    # -- one kernel ----

    def _interrupt(self, asked: _Asked) -> str:
        """Interrupt what the kernel runs, in a stronger way each time, and tell the effect.

        A stopped process is continued first: no interrupt reaches it before that.
        """
        kernel = asked.kernel
        self._refuse_gone(asked.target)
        reaction = _reaction(kernel)
        if reaction.is_fatal and not asked.options.get("anyway"):
            raise interrupts.WouldEndKernel(
                f"{kernel.name} was sent nothing: {interrupts.warning(reaction)}"
            )
        if reaction.is_stopped and not why_not(kernel.kind, Verb.SIGNAL):
            self._orders.note_sent(kernel, Verb.INTERRUPT, signal.SIGCONT)
            asked.controller.signal(signal.SIGCONT)
        ladder = _ladder(kernel, reaction)
        rung, attempt = self._next_attempt(kernel, ladder)
        if rung is not Rung.MESSAGE:  # a message is not a signal that could end it
            self._orders.note_sent(kernel, Verb.INTERRUPT, signal.SIGINT)
            self._tracker.console.wait_until_evaluated(kernel.kernel_id, LOOK_PATIENCE)
        with self._turns.taken(kernel.kernel_id, LOOK_PATIENCE):
            self._tracked(asked.target)  # again: it may have been restarted during the waits
            is_first = rung is ladder[0]
            said = asked.controller.interrupt() if is_first else self._climb(rung, asked)
            if kernel.identity is not None:
                wait_until_taken(kernel.identity.pid, signal.SIGINT)
        self._tracker.note(kernel.kernel_id, f"interrupted: {rung}")
        if said or kernel.manager is None:
            return said
        if not kernel.manager.status.heard and kernel.may_be_asked:
            return interrupts.ask_for_effect(kernel.name, reaction, rung, kernel.manager)
        return interrupts.describe_effect(kernel.name, reaction, kernel.manager.life, attempt)

    def _next_attempt(
        self, kernel: TrackedKernel, ladder: Sequence[Rung]
    ) -> tuple[Rung, Attempt | None]:
        """Choose and note the gentlest way to interrupt that has not failed on what runs.

        The attempt is None if nothing is known to run.
        """
        running, now = kernel.manager.status.running if kernel.manager else None, time.monotonic()
        rung = next_rung(ladder, kernel.attempt, running, now)
        if running is None:
            return rung, None
        told = advice(rung, ladder, kernel.kind, self._orders.given_by)
        attempt = Attempt(rung, now, running, told)
        self._registry.update(kernel, partial(replace, attempt=attempt))
        return rung, attempt

    def _climb(self, rung: Rung, asked: _Asked) -> str:
        """Interrupt in the way of a rung above the first."""
        kernel = asked.kernel
        if rung is Rung.MESSAGE and kernel.manager is not None:
            return ask_to_interrupt(kernel.manager, kernel.name)
        if rung is Rung.PROCESS and kernel.identity is not None:
            _send(kernel.identity, signal.SIGINT)
            return ""
        return asked.controller.signal(signal.SIGINT)

    def _signal(self, asked: _Asked) -> str:
        signum = asked.options.get("signum", signal.SIGTERM)
        process = asked.options.get("process", asked.target.identity)
        if process is not None and process != asked.target.identity:
            return self._signal_one(asked.kernel, process, signum)
        self._refuse_gone(asked.target)
        # Other dashboards must see it as a kill too, after which none restarts the kernel.
        is_kill = signum == signal.SIGKILL
        with contextlib.ExitStack() as orders:
            if is_kill:
                orders.enter_context(
                    self._orders.give(
                        asked.kernel, "killing", is_urgent=True, asked_for=Verb.SIGNAL
                    )
                )
            else:
                self._orders.note_sent(asked.kernel, Verb.SIGNAL, signum)
            said = asked.controller.signal(signum)
        self._tracker.note(asked.kernel.kernel_id, f"sent signal {signum}")
        return said

    def _signal_one(self, kernel: TrackedKernel, process: ProcessIdentity, signum: int) -> str:
        """Signal one process that a kernel has started, and no other."""
        below = relatives(kernel.identity) if kernel.identity else ()
        if process not in (*below, *kernel.leftovers):
            raise ActionRefused(f"process {process.pid} is not of {kernel.name} any more")
        _send(process, signum)
        self._tracker.note(kernel.kernel_id, f"sent signal {signum} to its process {process.pid}")
        return ""

    def _restart(self, asked: _Asked, *, now: bool) -> str:
        """Restart the kernel, even after its death."""
        if asked.kernel.manifest is not None:
            self._recorder.ensure()
        with self._orders.give(asked.kernel, RESTARTING):
            is_killed = now and asked.kernel.is_alive
            rest = self._escaped(asked.kernel, asked.target) if is_killed else ()
            said = _and(asked.controller.restart(now=now), _kill_rest(rest))
        self._tracker.wait_until_heard(asked.kernel.kernel_id)
        return _and(said, self._note_environment(asked.kernel))

    def _note_environment(self, kernel: TrackedKernel) -> str:
        """Return how a restarted kernel's environment differs from before; "" if it does not."""
        if not kernel.environment_lost or kernel.manifest is None:
            return ""
        self._registry.update(kernel, partial(replace, environment_lost=False))
        differs = environment_differs(
            kernel.manifest.environment, todays_environment(kernel.kernel_id)
        )
        return f"{kernel.name} has today's environment: {differs}" if differs else ""

    def _shut_down(self, asked: _Asked) -> str:
        """Shut down the kernel and dismiss its row; a dead kernel's row is only dismissed."""
        kernel = asked.kernel
        _refuse_died_meanwhile(kernel, asked.target)
        with self._orders.give(kernel, "stopping"):
            is_wanted = asked.options.get("rest") and kernel.is_alive
            rest = self._escaped(kernel, asked.target) if is_wanted else ()
            said = _and(asked.controller.shutdown(), _kill_rest(rest))
            if kernel.kind is Kind.STALE_FILE:
                self._tracker.drop(kernel.kernel_id)
            elif kernel.is_ours and kernel.kernel_id not in self._kernels:  # else it was restarted
                # Within the order, while no other dashboard can start it again.
                said = _and(said, self._tracker.forget(kernel.kernel_id))
        return said

    def _kill(self, asked: _Asked) -> str:
        """SIGKILL the kernel and all its descendants; its row stays, to restart or dismiss."""
        rest = self._escaped(asked.kernel, asked.target)
        with self._orders.give(asked.kernel, "killing", is_urgent=True):
            return _and(asked.controller.kill(), _kill_rest(rest))

    def _verify(self, asked: _Asked) -> str:
        """Ask a kernel whether it answers; a Jupyter server sees such requests to its kernels."""
        self._refuse_gone(asked.target)
        said = asked.controller.verify()
        self._registry.update(self._tracked(asked.target), partial(replace, has_answered=True))
        self._registry.publish()
        return said

    def _toggle_autorestart(self, asked: _Asked) -> str:
        """Toggle whether a kernel of ours is restarted when it dies by itself."""
        kernel = asked.kernel
        wanted = not kernel.is_autorestarted
        self._orders.amend(kernel, autorestart=wanted)
        self._registry.publish()
        does = "is started again" if wanted else "stays dead"
        return f"{kernel.name} {does} if it dies by itself"

    def _rename(self, asked: _Asked) -> str:
        """Give a kernel of ours another name; no two kernels have the same."""
        kernel, name = asked.kernel, checked_name(asked.options.get("name", ""))
        if name == kernel.name:
            return ""
        self._orders.rename(kernel, name)
        self._registry.publish()
        return f"{kernel.name} is called {name} now"

    # -- many ----

    def shut_down_all(self, targets: Collection[Target] | None) -> str:
        """Shut down our kernels at once, all of them or `targets`."""
        self.permit()
        chosen, told = self._still_meant(targets)
        with contextlib.ExitStack() as orders:
            for kernel_id in chosen:
                kernel = self._registry.get(kernel_id)
                if kernel is None:  # it was dismissed meanwhile
                    continue
                try:
                    orders.enter_context(self._orders.give(kernel, "stopping"))
                except ActionRefused as error:
                    told.append(str(error))
                    self._tracker.drop(kernel_id)  # to be adopted again, in its present state
            try:
                if targets is None:  # also those that are being started
                    self._kernels.shutdown_all()
                else:
                    self._kernels.shutdown_kernels(chosen)
            except ExceptionGroup as group:
                raise KernelError("; ".join(map(str, group.exceptions))) from None
            finally:
                for kernel in self._registry.all():
                    is_over = kernel.manager is not None and kernel.manager.status.exited
                    if kernel.is_ours and is_over and kernel.kernel_id not in self._kernels:
                        told.append(self._tracker.forget(kernel.kernel_id))
        return "; ".join(filter(None, told))

    def _still_meant(self, targets: Collection[Target] | None) -> tuple[list[str], list[str]]:
        """Return the ids of the kernels to shut down, and why other targets are refused."""
        if targets is None:
            return self._kernels.list_kernel_ids(), []
        chosen, refused = [], []
        for target in targets:
            try:
                _refuse_died_meanwhile(self._tracked(target), target)
                chosen.append(target.kernel_id)
            except ActionRefused as error:
                refused.append(str(error))
        return chosen, refused

    # -- the target kernel ----

    def _controller(self, kernel: TrackedKernel) -> KernelController:
        if kernel.found is None:
            return OwnController(self._kernels, kernel.kernel_id, kernel.name, kernel.identity)
        return self._external.controller(kernel, kernel.found)

    def _tracked(self, target: Target) -> TrackedKernel:
        """Return the target kernel. Raises ActionRefused if it is gone or has another process."""
        kernel = self._registry.get(target.kernel_id)
        if kernel is None:
            raise ActionRefused(f"{target.name} is gone; nothing was done")
        if kernel.identity != target.identity:
            raise ActionRefused(f"{target.name} was restarted meanwhile; nothing was done")
        return kernel

    def _refuse_gone(self, target: Target) -> None:
        """Raise ActionRefused if the target's process is gone."""
        if target.identity is not None and not target.identity.is_alive():
            raise ActionRefused(f"{target.name} is not running")


def _refuse_died_meanwhile(kernel: TrackedKernel, target: Target) -> None:
    has_died = kernel.manager is not None and kernel.manager.status.state is KernelState.DEAD
    if has_died and not target.was_dead:
        raise ActionRefused(
            f"{target.name} has died meanwhile; its output and log were kept, and another "
            "shutdown removes them"
        )


def _ladder(kernel: TrackedKernel, reaction: interrupts.Reaction) -> tuple[Rung, ...]:
    method = VERBS[Verb.INTERRUPT].kinds[kernel.kind]
    assert isinstance(method, Method), "what is impossible was refused"
    return rungs(method, by_message=reaction.by_message, takes_sigint=not reaction.would_end)


def _send(process: ProcessIdentity, signum: int) -> None:
    """Signal one process. Raises ActionRefused if it is gone."""
    try:
        signal_process(process, signum)
    except ProcessLookupError:
        raise ActionRefused(f"process {process.pid} is gone") from None


def _kill_rest(rest: Iterable[ProcessIdentity]) -> str:
    """Kill what a kernel has started; return which of it lives on, as another user's."""
    spared = ", ".join(map(_named, kill_all(rest)))
    return f"another user's and lives on: {spared}" if spared else ""


def _and(*said: str) -> str:
    return "; ".join(filter(None, said))


def _named(process: ProcessIdentity) -> str:
    return clean_line(describe_process(process))


def _reaction(kernel: TrackedKernel) -> interrupts.Reaction:
    by_message = interrupts.is_by_message(kernel.kind, kernel.manager)
    pid = kernel.identity.pid if kernel.identity else None
    return interrupts.read_reaction(pid, by_message=by_message)
