"""What the keys order of kernels: targets frozen, the user asked, short threads sent off.

An order goes to the marked kernels, where there are none to the one under the cursor. The
fleet looks at each target again before it acts, and refuses one that has changed.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from kerneltui.errors import KernelError
from kerneltui.fleet.model.classification import Kind
from kerneltui.frozen import frozen
from kerneltui.protocol.status import KernelState, Verb
from kerneltui.tui.dialogs.confirm import ConfirmScreen, Question
from kerneltui.tui.keys.action import Action
from kerneltui.tui.keys.actions import BY_ID
from kerneltui.tui.main import questions
from kerneltui.tui.main.double_press import DoublePress
from kerneltui.tui.main.kernel_screen import Commands, KernelScreen
from kerneltui.tui.main.permissions import refusal

if TYPE_CHECKING:
    from kerneltui.fleet.fleet import Fleet
    from kerneltui.fleet.model.snapshot import KernelSnapshot, Target

ORDERS_AT_ONCE = 16  # threads of one bulk order: some are always free for the next key


@frozen
class Selection:
    """What a key is about, frozen when it was pressed."""

    kernels: tuple[KernelSnapshot, ...]
    left_out: int
    """Marked kernels that do not allow the action now."""
    harmless: bool
    """Nothing can be lost, as all are dead and stay in the table; or the user wants no question."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(kernel.target for kernel in self.kernels)

    @property
    def files(self) -> tuple[Target, ...]:
        """Those that are but a file that was left behind."""
        return tuple(each.target for each in self.kernels if each.kind is Kind.STALE_FILE)


def select(
    action: Action, chosen: Sequence[KernelSnapshot], unconfirmed: Container[str] = ()
) -> Selection | None:
    """Return what `action` is about; None where no kernel allows it.

    `unconfirmed`: verbs that the user wants to act at once.
    """
    fit = tuple(kernel for kernel in chosen if not refusal(action, kernel))
    if not fit:
        return None
    return Selection(
        fit,
        len(chosen) - len(fit),
        action.name in unconfirmed or (action.verb is Verb.RESTART and all(map(_is_dead, fit))),
    )


def _is_dead(kernel: KernelSnapshot) -> bool:
    return kernel.state is KernelState.DEAD and not kernel.is_file


# -- what each key orders -----------------------------------------------------------------


@frozen
class Order:
    """What is asked of each kernel, and of the user before."""

    call: Callable[[Fleet, Target], str]
    question: Callable[[Selection], Question | None]
    """None where nothing need be asked."""
    more: Callable[[Fleet, Selection], tuple[str, ...]] | None = None
    """Looks up what the question says besides, a line each. Blocking."""


def _at_once(_selection: Selection) -> None:
    return None


def _about_shutdown(selection: Selection) -> Question:
    ask = questions.shutdown
    if len(selection.files) == len(selection.targets):
        ask = questions.remove
    elif all(target.was_dead for target in selection.targets):
        ask = questions.forget
    return ask(selection.targets, selection.left_out)


def _about_verify(selection: Selection) -> Question | None:
    """Ask only where somebody else takes note of it."""
    if any(kernel.kind is Kind.SERVER for kernel in selection.kernels):
        return questions.verify(selection.targets, selection.left_out)
    return None


ORDERS: Mapping[str, Order] = {
    "kernel.interrupt": Order(
        lambda fleet, target: fleet.interrupt(target, anyway=True),
        lambda chosen: questions.interrupt(chosen.targets, chosen.left_out),
        lambda fleet, chosen: _warnings(fleet, chosen.targets),
    ),
    "kernel.restart": Order(
        lambda fleet, target: fleet.restart(target),
        lambda chosen: questions.restart(chosen.targets, chosen.left_out),
    ),
    "kernel.restart_now": Order(
        lambda fleet, target: fleet.restart(target, now=True),
        lambda chosen: questions.restart_now(chosen.targets, chosen.left_out),
    ),
    "kernel.shutdown": Order(
        lambda fleet, target: fleet.shutdown(target),
        _about_shutdown,
        lambda fleet, chosen: tuple(_looked_up(fleet.stale_files, chosen.files)),
    ),
    "kernel.kill": Order(
        lambda fleet, target: fleet.kill(target),
        lambda chosen: questions.kill(chosen.targets, chosen.left_out),
        lambda fleet, chosen: tuple(_looked_up(fleet.escaped, chosen.targets)),
    ),
    "kernel.verify": Order(lambda fleet, target: fleet.verify(target), _about_verify),
    "kernel.autorestart": Order(lambda fleet, target: fleet.toggle_autorestart(target), _at_once),
}
"""By the id of the action. Those that need a dialog of their own are methods of `KernelActions`."""


class KernelActions:
    """Gives the orders of the keys."""

    def __init__(
        self, screen: KernelScreen, clock: Callable[[], float], unconfirmed: frozenset[str]
    ) -> None:
        """`unconfirmed`: verbs that the user wants to act at once."""
        self._screen = screen
        self._clock = clock
        self._unconfirmed = unconfirmed
        self._interrupting = DoublePress()
        self._last_signal = int(signal.SIGTERM)

    @property
    def commands(self) -> Commands:
        return {
            **{action_id: partial(self.order, action_id) for action_id in ORDERS},
            "kernel.interrupt": self._press_interrupt,
            "kernel.signal": self._signal,
            "kernel.shutdown_all": self._shut_all_down,
        }

    @property
    def armed(self) -> Target | None:
        """The kernel that one more press would interrupt."""
        return self._interrupting.armed(self._clock())

    @property
    def _chosen(self) -> tuple[KernelSnapshot, ...]:
        """What an order goes to: the marked kernels, else the one under the cursor."""
        selected = self._screen.selected
        return self._screen.marked or ((selected,) if selected else ())

    def _select(self, action_id: str) -> tuple[Fleet, Selection] | None:
        selection = select(BY_ID[action_id], self._chosen, self._unconfirmed)
        fleet = self._screen.fleet
        return (fleet, selection) if fleet and selection else None

    # -- orders to come ------------------------------------------------------------------

    def order(self, action_id: str) -> None:
        """Ask the user where something can be lost, and then each kernel."""
        if (chosen := self._select(action_id)) is None:
            return
        fleet, selection = chosen
        order = ORDERS[action_id]
        carry_out = partial(self._order, selection.targets, partial(order.call, fleet))
        question = None if selection.harmless else order.question(selection)
        if question is None:
            carry_out()
        else:
            more = partial(order.more, fleet, selection) if order.more else None
            self._screen.push(ConfirmScreen(question, more), _if_yes(carry_out))

    def _press_interrupt(self) -> None:
        """Interrupt the kernel under the cursor at the second press; ask about marked ones."""
        screen = self._screen
        if screen.marked:
            self.order("kernel.interrupt")
        elif "interrupt" in self._unconfirmed:
            self.interrupt_selected()
        elif screen.fleet and (kernel := screen.selected):
            if self._interrupting.press(kernel.target, self._clock()):
                self._interrupt(screen.fleet, kernel.target)
            screen.tick()

    def interrupt_chosen(self) -> None:
        """Interrupt as the key does, but without a second press."""
        if self._screen.marked:
            self.order("kernel.interrupt")
        else:
            self.interrupt_selected()

    def interrupt_selected(self) -> None:
        """Interrupt the kernel under the cursor at the first press."""
        kernel, fleet = self._screen.selected, self._screen.fleet
        if reason := refusal(BY_ID["kernel.interrupt"], kernel):
            self._screen.say(reason, "warning")
        elif fleet and kernel:
            self._interrupt(fleet, kernel.target)

    def _interrupt(self, fleet: Fleet, target: Target) -> None:
        """Interrupt a kernel; ask first where something speaks against it."""
        if "interrupt" in self._unconfirmed:
            self._order([target], partial(fleet.interrupt, anyway=True))
        else:
            self._screen.begin(partial(self._warn_first, fleet, target))

    async def _warn_first(self, fleet: Fleet, target: Target) -> None:
        try:
            warning = await asyncio.to_thread(fleet.interrupt_warning, target)
        except KernelError as error:
            self._screen.say(str(error), "error")
            return
        if warning:
            anyway = partial(self._order, [target], partial(fleet.interrupt, anyway=True))
            question = questions.interrupt([target], warning=warning)
            self._screen.push(ConfirmScreen(question), _if_yes(anyway))
        else:  # what comes to speak against it from now on was not asked about
            self._order([target], fleet.interrupt)

    def _signal(self) -> None:
        from kerneltui.tui.dialogs.signal import SignalScreen

        if (chosen := self._select("kernel.signal")) is None:
            return
        fleet, selection = chosen

        def answered(signum: int | None) -> None:
            if signum is not None:
                self._last_signal = signum
                self._order(selection.targets, lambda target: fleet.signal(target, signum))

        lines = tuple(questions.describe(target) for target in selection.targets)
        self._screen.push(SignalScreen(lines, self._last_signal), answered)

    def _shut_all_down(self) -> None:
        fleet = self._screen.fleet
        if fleet is None:
            return
        targets = _ours(self._screen.snapshots)
        order = partial(fleet.shutdown_all, targets)

        def answered() -> None:
            if _ours(fleet.snapshots) != targets:
                self._screen.say("the kernels have changed; look again", "warning")
            else:
                self._screen.begin(partial(self._say_what_comes_of, order))

        if "shutdown_all" in self._unconfirmed:
            answered()
        else:
            question = questions.shutdown_all(targets)
            self._screen.push(ConfirmScreen(question), _if_yes(answered))

    # -- orders under way ----------------------------------------------------------------

    def _order(self, targets: Sequence[Target], verb: Callable[[Target], str]) -> None:
        """Have short threads call `verb` with each target; its words become toasts."""
        self._screen.begin(partial(self._carry_out, targets, verb))

    async def _carry_out(self, targets: Sequence[Target], verb: Callable[[Target], str]) -> None:
        turns = asyncio.Semaphore(ORDERS_AT_ONCE)

        async def carry_out_one(target: Target) -> str:
            async with turns:
                return await self.call(partial(verb, target))

        said = await asyncio.gather(*(carry_out_one(target) for target in targets))
        for sentence in dict.fromkeys(filter(None, said)):
            self._screen.say(sentence)

    async def _say_what_comes_of(self, order: Callable[[], str]) -> None:
        if said := await self.call(order):
            self._screen.say(said)

    async def call(self, verb: Callable[[], str]) -> str:
        """Return what `verb` returns, called in a thread; empty after an error, which is shown."""
        try:
            return await asyncio.to_thread(verb)
        except KernelError as error:
            self._screen.say(str(error), "error")
            return ""
        finally:
            self._screen.tick()


def _if_yes(act: Callable[[], None]) -> Callable[[bool | None], None]:
    def answered(yes: bool | None) -> None:
        if yes:
            act()

    return answered


def _ours(kernels: Sequence[KernelSnapshot]) -> list[Target]:
    return [kernel.target for kernel in kernels if kernel.is_ours]


def _warnings(fleet: Fleet, targets: Sequence[Target]) -> tuple[str, ...]:
    """Return what should be known before targets are interrupted, a line each."""
    said: list[str] = []
    for target in targets:
        try:
            said.append(fleet.interrupt_warning(target))
        except KernelError as error:
            said.append(str(error))
    return tuple(filter(None, said))


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
