"""KernelActions: the keys' orders to kernels: fix the targets, ask the user, call in threads.

An order goes to the marked kernels; if none is marked, to the one under the cursor. The
fleet looks at each target again before it acts, and refuses one that has changed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.model.capabilities import VERBS, About, Verb
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState
from kerneltui.tui.dialogs.confirm import Answer, ConfirmScreen
from kerneltui.tui.keys.action import Action
from kerneltui.tui.keys.actions import ACTIONS, BY_ID
from kerneltui.tui.main import questions
from kerneltui.tui.main.double_press import DoublePress
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen
from kerneltui.tui.main.permissions import refusal

if TYPE_CHECKING:
    from kerneltui.fleet.inspection.process_tree import ProcessFacts
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target
    from kerneltui.tui.main.dashboard_fleet import DashboardFleet

INTERRUPT, SIGNAL = BY_ID["kernel.interrupt"], BY_ID["kernel.signal"]
RENAME = BY_ID["kernel.rename"]
ORDERS_AT_ONCE = 16  # threads of all bulk orders together: some are always free for the next key
URGENT = frozenset({Verb.INTERRUPT, Verb.SIGNAL, Verb.KILL})
"""Verbs that do not wait until a kernel has ended, so they need not wait for those that do."""
URGENT_AT_ONCE = 8  # threads besides, for their bulk orders


@frozen
class Selection:
    """The kernels that a key acts on, fixed when it was pressed."""

    kernels: tuple[KernelSnapshot, ...]
    left_out: int
    """Marked kernels that do not allow the action now."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(kernel.target for kernel in self.kernels)

    @property
    def about(self) -> About:
        kinds = {kernel.kind for kernel in self.kernels}
        if kinds == {Kind.STALE_FILE}:
            return About.FILES
        if all(kernel.state is KernelState.DEAD for kernel in self.kernels):
            return About.DEAD
        if any(kernel.state is KernelState.DEAD for kernel in self.kernels):
            return About.MIXED
        if any(kernel.is_unattended for kernel in self.kernels):
            return About.UNATTENDED
        is_served = not kinds.isdisjoint((Kind.SERVER, Kind.REMOTE_SERVER))
        return About.SERVED if is_served else About.LIVING


def select(action: Action, chosen: Sequence[KernelSnapshot]) -> Selection | None:
    """Return the kernels that `action` acts on; None if no kernel allows it."""
    fit = tuple(kernel for kernel in chosen if not refusal(action, kernel))
    return Selection(fit, len(chosen) - len(fit)) if fit else None


class KernelActions:
    """Gives the keys' orders to kernels."""

    def __init__(
        self, screen: KernelScreen, clock: Callable[[], float], unconfirmed: frozenset[str]
    ) -> None:
        """`unconfirmed`: verbs that the user wants to act at once."""
        self._screen = screen
        self._clock = clock
        self._unconfirmed = unconfirmed
        self._interrupting = DoublePress()
        self._last_signal = int(signal.SIGTERM)
        self._turns = asyncio.Semaphore(ORDERS_AT_ONCE)
        self._urgent_turns = asyncio.Semaphore(URGENT_AT_ONCE)

    @property
    def commands(self) -> Commands:
        return {
            **{each.id: partial(self._order_chosen, each) for each in ACTIONS if each.bulk},
            INTERRUPT.id: self._press_interrupt,
            SIGNAL.id: lambda: self._pick_signal(self._chosen),
            RENAME.id: self._ask_name,
            "kernel.shutdown_all": self._shut_all_down,
        }

    @property
    def armed(self) -> Target | None:
        """The kernel that one more press would interrupt."""
        return self._interrupting.armed(self._clock())

    @property
    def _chosen(self) -> tuple[KernelSnapshot, ...]:
        """The kernels that an order goes to: the marked ones, else the one under the cursor."""
        selected = self._screen.selected
        return self._screen.marked or ((selected,) if selected else ())

    def _select(
        self, action: Action, kernels: Sequence[KernelSnapshot]
    ) -> tuple[DashboardFleet, Selection] | None:
        selection, fleet = select(action, kernels), self._screen.fleet
        return (fleet, selection) if fleet and selection else None

    # -- before an order -----------------------------------------------------------------

    def _order_chosen(self, action: Action) -> None:
        self._order(action, self._chosen)

    def _order(self, action: Action, kernels: Sequence[KernelSnapshot]) -> None:
        """Ask the user first if something can be lost; then give the order."""
        if action.verb is None or (chosen := self._select(action, kernels)) is None:
            return
        verb, (fleet, selection) = action.verb, chosen
        wording = VERBS[verb].questions.get(selection.about)

        def carry_out(*, rest: bool = False) -> None:
            # anyway: the reasons against an interrupt were shown with the question.
            ask = partial(fleet.do, verb, anyway=True, rest=rest)
            self._give(selection.targets, ask, is_urgent=verb in URGENT)

        def answered(answer: Answer | None) -> None:
            if answer in (Answer.YES, Answer.YES_AND_REST):
                carry_out(rest=answer is Answer.YES_AND_REST)

        if wording is None or action.name in self._unconfirmed:
            carry_out()
        else:
            question = questions.ask(wording, selection.kernels, self._clock(), selection.left_out)
            more = partial(_look_up, fleet, verb, selection.targets)
            self._screen.push(ConfirmScreen(question, more), answered)

    def _press_interrupt(self) -> None:
        """Interrupt the kernel under the cursor at the second press; ask about marked ones."""
        screen = self._screen
        if screen.marked:
            self._order_chosen(INTERRUPT)
        elif "interrupt" in self._unconfirmed:
            self.interrupt_selected()
        elif screen.fleet and (kernel := screen.selected):
            is_again = kernel.was_interrupted  # it had no effect: one press is enough now
            if is_again or self._is_pressed_again(kernel):
                self._interrupt(screen.fleet, kernel)
            screen.tick()

    def interrupt_chosen(self) -> None:
        """Interrupt as the key does, but without a second press."""
        if self._screen.marked:
            self._order_chosen(INTERRUPT)
        else:
            self.interrupt_selected()

    def interrupt_from_console(self, kernel_id: str) -> None:
        """Interrupt the selected kernel; at the second press if it runs another client's code.

        `kernel_id`: the kernel that was selected when the key was pressed.
        """
        kernel = self._screen.selected
        if kernel is not None and kernel.kernel_id != kernel_id:
            self._screen.say("not interrupted: another kernel is selected now", "warning")
            return
        is_others = kernel is not None and bool(kernel.code) and not kernel.code_is_ours
        if kernel is None or not is_others or self._is_pressed_again(kernel):
            self.interrupt_selected()
        else:
            self._screen.say("this is another client's code; press again to interrupt", "warning")

    def _is_pressed_again(self, kernel: KernelSnapshot) -> bool:
        return self._interrupting.press(kernel.target, self._clock())

    def interrupt_selected(self) -> None:
        """Interrupt the kernel under the cursor at the first press."""
        kernel, fleet = self._screen.selected, self._screen.fleet
        if reason := refusal(INTERRUPT, kernel):
            self._screen.say(reason, "warning")
        elif fleet and kernel:
            self._interrupt(fleet, kernel)

    def _interrupt(self, fleet: DashboardFleet, kernel: KernelSnapshot) -> None:
        """Interrupt a kernel; ask first if there are reasons against it."""
        if "interrupt" in self._unconfirmed:
            self._give([kernel.target], partial(fleet.do, Verb.INTERRUPT, anyway=True))
        else:
            since = self._screen.app.inputs
            self._screen.begin(partial(self._warn_first, fleet, kernel, since))

    async def _warn_first(self, fleet: DashboardFleet, kernel: KernelSnapshot, since: int) -> None:
        verb, target = Verb.INTERRUPT, kernel.target
        try:
            warnings = await asyncio.to_thread(fleet.before, verb, target)
        except KernelError as error:
            self._screen.say(str(error), "error")
            return
        if warnings:
            wording = replace(VERBS[verb].questions[About.LIVING], note="\n".join(warnings))
            question = questions.ask(wording, [kernel], self._clock())
            anyway = partial(self._give, [target], partial(fleet.do, verb, anyway=True))
            why = "; ".join(warnings)
            told = f"{kernel.name} was not interrupted: {why}; interrupt again to be asked"
            self._screen.app.push_late(
                ConfirmScreen(question),
                _if_yes(anyway),
                since=since,
                otherwise=partial(self._screen.say, told, "warning"),
            )
        else:  # not anyway: a reason that appears from now on was not asked about
            self._give([target], partial(fleet.do, verb))

    def _pick_signal(self, kernels: Sequence[KernelSnapshot]) -> None:
        from kerneltui.tui.dialogs.signal import SignalScreen

        if (chosen := self._select(SIGNAL, kernels)) is None:
            return
        fleet, selection = chosen

        def answered(signum: int | None) -> None:
            if signum is not None:
                self._last_signal = signum
                ask = partial(fleet.do, Verb.SIGNAL, signum=signum)
                self._give(selection.targets, ask, is_urgent=True)

        lines = tuple(map(questions.identify, selection.kernels))
        are_stopped = all(kernel.is_stopped for kernel in selection.kernels)
        likely = int(signal.SIGCONT) if are_stopped else self._last_signal
        self._screen.push(SignalScreen(lines, likely), answered)

    def signal_process(self, process: ProcessFacts, *, is_kill: bool) -> None:
        """Signal only one process of the selected kernel."""
        from kerneltui.tui.dialogs.signal import SignalScreen

        kernel, fleet = self._screen.selected, self._screen.fleet
        if kernel is None or fleet is None:
            return
        if process.identity == kernel.identity:
            own = (kernel,)  # not the marked ones: the cursor is on a process of this one
            self._order(BY_ID["kernel.kill"], own) if is_kill else self._pick_signal(own)
            return

        def send(signum: int | None) -> None:
            if signum is not None:
                ask = partial(fleet.do, Verb.SIGNAL, signum=signum, process=process.identity)
                self._give([kernel.target], ask)

        line = f"{process.pid}  {process.command}"
        if is_kill:
            yes = partial(send, signal.SIGKILL)
            self._screen.push(ConfirmScreen(questions.kill_process(line)), _if_yes(yes))
        else:
            is_stopped = process.state == "stopped"
            likely = int(signal.SIGCONT) if is_stopped else self._last_signal
            self._screen.push(SignalScreen((line,), likely), send)

    def _ask_name(self) -> None:
        """Rename the kernel under the cursor, not the marked ones: names are unique."""
        from kerneltui.tui.dialogs.rename import RenameScreen

        kernel, fleet = self._screen.selected, self._screen.fleet
        if reason := refusal(RENAME, kernel):
            self._screen.say(reason, "warning")
        elif fleet and kernel:
            target, do = kernel.target, fleet.do

            def answered(name: str | None) -> None:
                if name is not None:
                    self._give([target], partial(do, Verb.RENAME, name=name))

            self._screen.push(RenameScreen(kernel.name), answered)

    def _shut_all_down(self) -> None:
        fleet = self._screen.fleet
        if fleet is None:
            return
        kernels = [each for each in self._screen.snapshots if each.is_ours and each.is_heard]
        targets = _ours(kernels)
        order = partial(fleet.shutdown_all, targets)

        def answered() -> None:
            if _ours(fleet.snapshots) != targets:
                self._screen.say("the kernels have changed; look again", "warning")
            else:
                self._screen.begin(partial(self._say_what_comes_of, order))

        if "shutdown_all" in self._unconfirmed:
            answered()
        else:
            question = questions.shutdown_all(kernels, self._clock())
            self._screen.push(ConfirmScreen(question), _if_yes(answered))

    # -- running an order ----------------------------------------------------------------

    def _give(
        self,
        targets: Sequence[Target],
        order: Callable[[Target], str],
        *,
        is_urgent: bool = False,
    ) -> None:
        """Call `order` with each target, in threads; show the sentences that it returns."""
        turns: AbstractAsyncContextManager[None] = nullcontext()
        if len(targets) > 1:
            turns = self._urgent_turns if is_urgent else self._turns
        self._screen.begin(partial(self._carry_out, targets, order, turns))

    async def _carry_out(
        self,
        targets: Sequence[Target],
        order: Callable[[Target], str],
        turns: AbstractAsyncContextManager[None],
    ) -> None:
        async def carry_out_one(target: Target) -> str:
            async with turns:
                return await self.call(partial(order, target))

        said = await asyncio.gather(*(carry_out_one(target) for target in targets))
        for sentence in dict.fromkeys(filter(None, said)):
            self._screen.say(sentence)

    async def _say_what_comes_of(self, order: Callable[[], str]) -> None:
        if said := await self.call(order):
            self._screen.say(said)

    async def call(self, order: Callable[[], str]) -> str:
        """Return what `order` returns, called in a thread; empty after an error, which is shown."""
        try:
            return await asyncio.to_thread(order)
        except KernelError as error:
            self._screen.say(str(error), "error")
            return ""
        finally:
            self._screen.tick()


def _if_yes(act: Callable[[], None]) -> Callable[[Answer | None], None]:
    def answered(answer: Answer | None) -> None:
        if answer is Answer.YES:
            act()

    return answered


def _ours(kernels: Sequence[KernelSnapshot]) -> list[Target]:
    return [kernel.target for kernel in kernels if kernel.is_ours and kernel.is_heard]


def _look_up(fleet: DashboardFleet, verb: Verb, targets: Sequence[Target]) -> tuple[str, ...]:
    """Return facts about each target, to know before `verb`; or why they are not known.

    If there are several targets, each line has the target's name.
    """
    return tuple(line for target in targets for line in _lines(fleet, verb, target, len(targets)))


def _lines(fleet: DashboardFleet, verb: Verb, target: Target, count: int) -> Iterator[str]:
    whose = f"{target.name}: " if count > 1 else ""
    try:
        yield from (f"{whose}{line}" for line in fleet.before(verb, target))
    except KernelError as error:
        yield str(error)
