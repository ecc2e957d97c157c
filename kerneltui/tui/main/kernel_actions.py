"""What the keys order of kernels: targets frozen, the user asked, short threads sent off.

An order goes to the marked kernels, where there are none to the one under the cursor. The
fleet looks at each target again before it acts, and refuses one that has changed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.screen import Screen

from kerneltui.errors import KernelError
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.tui.dialogs.confirm import ConfirmScreen, Question
from kerneltui.tui.keys.actions import BY_ID, Action, DoublePress, refusal
from kerneltui.tui.main import questions

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target

ORDERS_AT_ONCE = 16  # threads of one bulk order: some are always free for the next key


@frozen
class Selection:
    """What a key is about, frozen when it was pressed."""

    targets: tuple[Target, ...]
    left_out: int
    """Marked kernels that do not allow the action now."""
    harmless: bool
    """Nothing can be lost, as all are dead and stay in the table; or the user wants no question."""


def select(
    action: Action, chosen: Sequence[KernelSnapshot], unconfirmed: Container[str] = ()
) -> Selection | None:
    """Return what `action` is about; None where no kernel allows it.

    `unconfirmed`: verbs that the user wants to act at once.
    """
    fit = [kernel for kernel in chosen if not refusal(action, kernel)]
    if not fit:
        return None
    return Selection(
        tuple(kernel.target for kernel in fit),
        len(chosen) - len(fit),
        action.name in unconfirmed or (action.verb is Verb.RESTART and all(map(_is_dead, fit))),
    )


def _is_dead(kernel: KernelSnapshot) -> bool:
    return kernel.state is KernelState.DEAD and not kernel.is_file


class KernelVerbs(Screen[None]):
    """The kernel actions of the main screen."""

    def __init__(self, clock: Callable[[], float], unconfirmed: frozenset[str]) -> None:
        super().__init__()
        self._clock = clock
        self._unconfirmed = unconfirmed
        self._fleet: Fleet | None = None
        self._interrupting = DoublePress()
        self._last_signal = int(signal.SIGTERM)

    # -- what the main screen tells ------------------------------------------------------

    @property
    def snapshots(self) -> tuple[KernelSnapshot, ...]:
        """The kernels that there are."""
        raise NotImplementedError

    @property
    def selected(self) -> KernelSnapshot | None:
        """The kernel under the cursor."""
        raise NotImplementedError

    @property
    def marked(self) -> tuple[KernelSnapshot, ...]:
        """The marked kernels, those that the filter hides included."""
        raise NotImplementedError

    def tick(self) -> None:
        """Show what has been published since the last time."""
        raise NotImplementedError

    @property
    def locked(self) -> bool:
        """Nothing may be asked of any kernel."""
        return self._fleet is not None and self._fleet.locked

    # -- orders to come ------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[KernelSnapshot, ...]:
        """What an order goes to: the marked kernels, else the one under the cursor."""
        return self.marked or ((self.selected,) if self.selected else ())

    def _select(self, action_id: str) -> tuple[Fleet, Selection] | None:
        selection = select(BY_ID[action_id], self.chosen, self._unconfirmed)
        return (self._fleet, selection) if self._fleet and selection else None

    def _ask(
        self,
        question: Question,
        selection: Selection,
        verb: Callable[[Target], str],
        more: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """Order `verb` of each target once the user has said yes; at once where it is harmless."""
        if selection.harmless:
            self._order(selection.targets, verb)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._order(selection.targets, verb)

        self.app.push_screen(ConfirmScreen(question, more), answered)

    # -- orders under way ----------------------------------------------------------------

    def _order(self, targets: Sequence[Target], verb: Callable[[Target], str]) -> None:
        """Have short threads call `verb` with each target; its words become toasts."""
        self.run_worker(self._carry_out(targets, verb), exit_on_error=False)

    async def _carry_out(self, targets: Sequence[Target], verb: Callable[[Target], str]) -> None:
        turns = asyncio.Semaphore(ORDERS_AT_ONCE)

        async def carry_out_one(target: Target) -> str:
            async with turns:
                return await self._call(partial(verb, target))

        said = await asyncio.gather(*(carry_out_one(target) for target in targets))
        for sentence in dict.fromkeys(filter(None, said)):
            self.notify(sentence, markup=False)

    async def _call(self, verb: Callable[[], str]) -> str:
        """Return what `verb` returns, called in a thread; empty after an error, which is shown."""
        try:
            return await asyncio.to_thread(verb)
        except KernelError as error:
            self.notify(str(error), severity="error", markup=False)
            return ""
        finally:
            self.tick()

    # -- the verbs -----------------------------------------------------------------------

    def action_kernel_interrupt(self) -> None:
        """Interrupt the kernel under the cursor at the second press; ask about marked ones."""
        if chosen := self._select("kernel.interrupt") if self.marked else None:
            fleet, selection = chosen
            question = questions.interrupt(selection.targets, selection.left_out)
            more = partial(_warnings, fleet, selection.targets)
            self._ask(question, selection, partial(fleet.interrupt, anyway=True), more)
        elif "interrupt" in self._unconfirmed:
            self.interrupt_selected()
        elif self._fleet and (kernel := self.selected):
            if self._interrupting.press(kernel.target, self._clock()):
                self._interrupt(self._fleet, kernel.target)
            self.tick()

    def interrupt_chosen(self) -> None:
        """Interrupt as the key does, but without a second press."""
        if self.marked:
            self.action_kernel_interrupt()
        else:
            self.interrupt_selected()

    def interrupt_selected(self) -> None:
        """Interrupt the kernel under the cursor at the first press."""
        kernel = self.selected
        if reason := refusal(BY_ID["kernel.interrupt"], kernel):
            self.notify(reason, severity="warning", markup=False)
        elif self._fleet and kernel:
            self._interrupt(self._fleet, kernel.target)

    def _interrupt(self, fleet: Fleet, target: Target) -> None:
        """Interrupt a kernel; ask first where something speaks against it."""
        if "interrupt" in self._unconfirmed:
            self._order([target], partial(fleet.interrupt, anyway=True))
        else:
            self.run_worker(self._warn_first(fleet, target), exit_on_error=False)

    async def _warn_first(self, fleet: Fleet, target: Target) -> None:
        try:
            warning = await asyncio.to_thread(fleet.interrupt_warning, target)
        except KernelError as error:
            self.notify(str(error), severity="error", markup=False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._order([target], partial(fleet.interrupt, anyway=True))

        if warning:
            question = questions.interrupt([target], warning=warning)
            self.app.push_screen(ConfirmScreen(question), answered)
        else:  # what comes to speak against it from now on was not asked about
            self._order([target], fleet.interrupt)

    def action_kernel_signal(self) -> None:
        from kerneltui.tui.dialogs.signal import SignalScreen

        if chosen := self._select("kernel.signal"):
            fleet, selection = chosen

            def answered(signum: int | None) -> None:
                if signum is not None:
                    self._last_signal = signum
                    self._order(selection.targets, lambda target: fleet.signal(target, signum))

            lines = tuple(questions.describe(target) for target in selection.targets)
            self.app.push_screen(SignalScreen(lines, self._last_signal), answered)

    def action_kernel_restart(self) -> None:
        if chosen := self._select("kernel.restart"):
            fleet, selection = chosen
            question = questions.restart(selection.targets, selection.left_out)
            self._ask(question, selection, fleet.restart)

    def action_kernel_restart_now(self) -> None:
        if chosen := self._select("kernel.restart_now"):
            fleet, selection = chosen
            question = questions.restart_now(selection.targets, selection.left_out)
            self._ask(question, selection, partial(fleet.restart, now=True))

    def action_kernel_verify(self) -> None:
        """Ask at once where nobody else takes note of it."""
        if chosen := self._select("kernel.verify"):
            fleet, selection = chosen
            if any(kernel.kind is Kind.SERVER for kernel in self.chosen):
                self._ask(
                    questions.verify(selection.targets, selection.left_out), selection, fleet.verify
                )
            else:
                self._order(selection.targets, fleet.verify)

    def action_kernel_autorestart(self) -> None:
        if chosen := self._select("kernel.autorestart"):
            fleet, selection = chosen
            self._order(selection.targets, fleet.toggle_autorestart)

    def action_kernel_shutdown(self) -> None:
        if chosen := self._select("kernel.shutdown"):
            fleet, selection = chosen
            stale = {kernel.target for kernel in self.chosen if kernel.kind is Kind.STALE_FILE}
            files = [target for target in selection.targets if target in stale]
            if len(files) == len(selection.targets):
                question = questions.remove(selection.targets, selection.left_out)
            elif all(target.was_dead for target in selection.targets):
                question = questions.forget(selection.targets, selection.left_out)
            else:
                question = questions.shutdown(selection.targets, selection.left_out)
            more = partial(_remains, fleet, files) if files else None
            self._ask(question, selection, fleet.shutdown, more)

    def action_kernel_kill(self) -> None:
        if chosen := self._select("kernel.kill"):
            fleet, selection = chosen
            question = questions.kill(selection.targets, selection.left_out)
            self._ask(question, selection, fleet.kill, partial(_escaped, fleet, selection.targets))

    def action_kernel_shutdown_all(self) -> None:
        if self._fleet is None:
            return
        fleet, targets = self._fleet, _ours(self.snapshots)
        order = partial(fleet.shutdown_all, targets)
        if "shutdown_all" in self._unconfirmed:
            self.run_worker(self._call(order), exit_on_error=False)
            return

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            if _ours(fleet.snapshots) != targets:
                self.notify("the kernels have changed; look again", severity="warning")
                return
            self.run_worker(self._call(order), exit_on_error=False)

        self.app.push_screen(ConfirmScreen(questions.shutdown_all(targets)), answered)


def _ours(kernels: Sequence[KernelSnapshot]) -> list[Target]:
    return [kernel.target for kernel in kernels if kernel.is_ours]


def _remains(fleet: Fleet, targets: Sequence[Target]) -> tuple[str, ...]:
    """Return the files that are removed, a line each."""
    return tuple(_looked_up(fleet.stale_files, targets))


def _warnings(fleet: Fleet, targets: Sequence[Target]) -> tuple[str, ...]:
    """Return what should be known before targets are interrupted, a line each."""
    said: list[str] = []
    for target in targets:
        try:
            said.append(fleet.interrupt_warning(target))
        except KernelError as error:
            said.append(str(error))
    return tuple(filter(None, said))


def _escaped(fleet: Fleet, targets: Sequence[Target]) -> tuple[str, ...]:
    """Return the processes that a kill ends besides the targets' groups, a line each."""
    return tuple(_looked_up(fleet.escaped, targets))


def _looked_up(
    look: Callable[[Target], tuple[str, ...]], targets: Sequence[Target]
) -> Iterator[str]:
    """Yield the lines of each target, of several with its name; or why there are none."""
    for target in targets:
        whose = f"{target.name}: " if len(targets) > 1 else ""
        try:
            yield from (f"{whose}{line}" for line in look(target))
        except KernelError as error:
            yield str(error)
