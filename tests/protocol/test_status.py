"""Truth tables: what a kernel is doing, what may be asked of it, how it is stopped."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerneltui.protocol.status import (
    MAX_OPEN,
    POLITE_STOP,
    STOP_NOW,
    Answered,
    BusyElsewhere,
    Event,
    Exited,
    KernelState,
    KernelStatus,
    Ordered,
    Reported,
    RestartPolicy,
    Spawned,
    Wanted,
    advance,
)


def busy(
    parent: str = "a", parent_type: str = "execute_request", subshell: str | None = None
) -> Reported:
    return Reported("busy", parent, parent_type, subshell)


def idle(
    parent: str = "a", parent_type: str = "execute_request", subshell: str | None = None
) -> Reported:
    return Reported("idle", parent, parent_type, subshell)


def said(word: str) -> Reported:
    return Reported(word, "", "")


def after(*events: Event, status: KernelStatus | None = None) -> KernelStatus:
    status = status or KernelStatus()
    for event in events:
        status = advance(status, event)
    return status


UP, DOWN, RESTART = (Ordered(wanted) for wanted in (Wanted.UP, Wanted.DOWN, Wanted.RESTART))
DIED = Exited(-9, "killed")

TRUTH_TABLE: dict[str, tuple[tuple[Event, ...], KernelState]] = {
    "launched": ((), KernelState.STARTING),
    "spawned": ((Spawned(),), KernelState.STARTING),
    "says starting": ((Spawned(), said("starting")), KernelState.STARTING),
    "says a word of its own": ((said("dreaming"),), KernelState.STARTING),
    "answered, iopub silent": ((Answered(),), KernelState.IDLE),
    "answered while a cell runs": ((busy(), Answered()), KernelState.BUSY),
    "answered, then exited": ((Answered(), Exited(0)), KernelState.DEAD),
    "busy": ((busy(),), KernelState.BUSY),
    "busy with a comm message": ((busy("a", "comm_msg"),), KernelState.BUSY),
    "busy with a completion": ((busy("a", "complete_request"),), KernelState.BUSY),
    "busy with nothing named": ((busy("", ""),), KernelState.BUSY),
    "busy, idle": ((busy(), idle()), KernelState.IDLE),
    "idle alone": ((idle(),), KernelState.IDLE),
    "busy twice, idle once": ((busy(), busy(), idle()), KernelState.IDLE),
    "idle of an earlier request": ((busy("a"), busy("b"), idle("a")), KernelState.BUSY),
    "idle of the later request, an idle lost": (
        (busy("a"), busy("b"), idle("b")),
        KernelState.IDLE,
    ),
    "a request on control ends while a cell runs": (
        (busy("a"), busy("c", "comm_msg"), idle("c", "comm_msg")),
        KernelState.BUSY,
    ),
    "a completion on control ends while a cell runs": (
        (busy("a"), busy("c", "complete_request"), idle("c", "complete_request")),
        KernelState.BUSY,
    ),
    "code on control ends while a cell runs": (
        (idle("z"), busy("a"), busy("c"), idle("c")),
        KernelState.BUSY,
    ),
    "the cell ends after a request on control": (
        (busy("a"), busy("c", "comm_msg"), idle("c", "comm_msg"), idle("a")),
        KernelState.IDLE,
    ),
    "the cell ends before a request on control": (
        (busy("a"), busy("c", "comm_msg"), idle("a")),
        KernelState.BUSY,
    ),
    "three requests at once": (
        (idle("z"), busy("a"), busy("b"), busy("c"), idle("a"), idle("c")),
        KernelState.BUSY,
    ),
    "three requests at once, all over": (
        (idle("z"), busy("a"), busy("b"), busy("c"), idle("a"), idle("b"), idle("c")),
        KernelState.IDLE,
    ),
    "a reply came, an idle did not": ((busy("a"), Answered(("a",))), KernelState.IDLE),
    "a reply came to what began before": (
        (idle("z"), busy("a"), busy("b"), Answered(("a",))),
        KernelState.BUSY,
    ),
    "a reply to what named no request": ((busy("", ""), Answered(("a",))), KernelState.IDLE),
    "died with two requests open": ((busy("a"), busy("b", "comm_msg"), DIED), KernelState.DEAD),
    "spawned anew with two open before": (
        (busy("a"), busy("b", "comm_msg"), DIED, Spawned()),
        KernelState.STARTING,
    ),
    "busy, word of its own": ((busy(), said("dreaming")), KernelState.BUSY),
    "busy, starting": ((busy(), said("starting")), KernelState.IDLE),
    "control idle while a cell runs": (
        (busy("a"), busy("c", "usage_request"), idle("c", "usage_request")),
        KernelState.BUSY,
    ),
    "interrupt answered while a cell runs": (
        (busy("a"), busy("c", "interrupt_request"), idle("c", "interrupt_request")),
        KernelState.BUSY,
    ),
    "kernel_info answered while a cell runs": (
        (busy("a"), busy("c", "kernel_info_request"), idle("c", "kernel_info_request")),
        KernelState.BUSY,
    ),
    "busy on control": ((busy("c", "debug_request"),), KernelState.IDLE),
    "busy in a subshell": ((busy("a", subshell="s"),), KernelState.IDLE),
    "subshell idle while a cell runs": (
        (busy("a"), busy("b", subshell="s"), idle("b", subshell="s")),
        KernelState.BUSY,
    ),
    "cell ends while a subshell is busy": (
        (busy("a"), busy("b", subshell="s"), idle("a")),
        KernelState.IDLE,
    ),
    "ordered down": ((idle(), DOWN), KernelState.TERMINATING),
    "ordered down while busy": ((busy(), DOWN), KernelState.TERMINATING),
    "ordered down before it was heard": ((DOWN,), KernelState.TERMINATING),
    "ordered down, exited": ((DOWN, Exited(0)), KernelState.DEAD),
    "ordered down, then up again": ((idle(), DOWN, UP), KernelState.IDLE),
    "ordered to restart": ((idle(), RESTART), KernelState.RESTARTING),
    "restarting, old process gone": ((idle(), RESTART, Exited(0)), KernelState.RESTARTING),
    "restarted": ((idle(), RESTART, Exited(0), Spawned()), KernelState.STARTING),
    "restarted and heard": ((RESTART, Exited(0), Spawned(), idle()), KernelState.IDLE),
    "restart failed": ((RESTART, Exited(0), Ordered(Wanted.DOWN, "why")), KernelState.DEAD),
    "died": ((busy(), DIED), KernelState.DEAD),
    "died, code unknown": ((busy(), Exited(None)), KernelState.DEAD),
    "died, late words": ((busy(), DIED, busy("b"), idle("b")), KernelState.DEAD),
    "died, spawned anew": ((busy(), DIED, Spawned()), KernelState.STARTING),
    "died, spawned anew, old request's idle": (
        (busy("a"), DIED, Spawned(), busy("b"), idle("a")),
        KernelState.BUSY,
    ),
}


@pytest.mark.parametrize(("events", "state"), TRUTH_TABLE.values(), ids=TRUTH_TABLE)
def test_events_lead_to_a_state(events: tuple[Event, ...], state: KernelState) -> None:
    assert after(*events).state is state


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), KernelState.UNKNOWN),
        ((said("starting"),), KernelState.UNKNOWN),
        ((Spawned(adopted=True),), KernelState.UNKNOWN),
        ((Spawned(),), KernelState.STARTING),
        ((BusyElsewhere(),), KernelState.BUSY),
        ((BusyElsewhere(), Answered()), KernelState.IDLE),
        ((BusyElsewhere(), idle("c")), KernelState.IDLE),
        ((BusyElsewhere(), busy("c"), idle("c")), KernelState.IDLE),
        ((idle(), BusyElsewhere()), KernelState.IDLE),
        ((BusyElsewhere(), busy("c", "comm_msg"), idle("c", "comm_msg")), KernelState.BUSY),
        (
            (BusyElsewhere(), busy("c", "comm_msg"), idle("c", "comm_msg"), idle("a")),
            KernelState.IDLE,
        ),
        ((busy("c", "kernel_info_request"),), KernelState.UNKNOWN),
        ((Answered(),), KernelState.IDLE),
        ((busy(),), KernelState.BUSY),
        ((Exited(None),), KernelState.DEAD),
    ],
)
def test_found_kernel_is_unknown_until_it_is_heard(
    events: tuple[Event, ...], state: KernelState
) -> None:
    assert after(*events, status=KernelStatus(launched=False)).state is state


events = st.one_of(
    st.just(Spawned()),
    st.just(Answered()),
    st.builds(Exited, st.none() | st.integers(-64, 255), st.text(max_size=3)),
    st.builds(Ordered, st.sampled_from(Wanted), st.text(max_size=3)),
    st.builds(
        Reported,
        st.sampled_from(["busy", "idle", "starting", ""]) | st.text(max_size=3),
        st.sampled_from(["a", "b", ""]),
        st.sampled_from(["execute_request", "interrupt_request", ""]),
        st.sampled_from([None, "s", ""]),
    ),
)


@given(history=st.lists(events, max_size=12))
def test_no_order_of_events_is_illegal(history: list[Event]) -> None:
    assert after(*history).state in KernelState


@given(history=st.lists(events, max_size=12))
def test_spawn_forgets_all_that_was(history: list[Event]) -> None:
    assert after(*history, Spawned()) == KernelStatus()


@given(history=st.lists(events, max_size=12))
def test_exit_is_the_end_of_what_ran(history: list[Event]) -> None:
    assert after(*history, DIED).running is None


@given(history=st.lists(events, max_size=12))
def test_idle_of_the_running_request_ends_it(history: list[Event]) -> None:
    assert after(*history, busy("z"), idle("z")).running is None


@given(history=st.lists(events, max_size=12))
def test_nothing_is_open_after_an_exit(history: list[Event]) -> None:
    assert after(*history, DIED).unfinished == ()


def test_a_kernel_that_sends_no_idle_remembers_so_many_requests_and_no_more() -> None:
    status = after(idle("z"), *(busy(str(number)) for number in range(100)))

    assert len(status.unfinished) == MAX_OPEN + 1


@pytest.mark.parametrize(
    ("events", "is_doubtful"),
    [
        ((idle("z"), busy("a")), False),
        ((idle("z"), busy("a"), idle("a")), False),
        ((busy("a"),), True),
        ((busy("", ""),), True),
        ((idle("z"), busy("a"), busy("c", "comm_msg"), idle("c", "comm_msg")), True),
        ((busy("a"), Answered(("a",))), False),
        ((busy("a"), DIED), False),
    ],
)
def test_busy_is_in_doubt_where_a_sloppy_kernel_would_look_the_same(
    events: tuple[Event, ...], is_doubtful: bool
) -> None:
    assert after(*events).is_doubtful is is_doubtful


def test_death_tells_code_and_reason() -> None:
    status = after(busy(), Exited(-11, "exited with SIGSEGV (-11)"))

    assert (status.exited, status.returncode, status.reason) == (
        *(True, -11),
        "exited with SIGSEGV (-11)",
    )


def test_failed_restart_tells_the_reason() -> None:
    status = after(RESTART, Exited(0), Ordered(Wanted.DOWN, "restart failed: no such file"))

    assert status.reason == "restart failed: no such file"


def test_status_is_never_changed_in_place() -> None:
    status = KernelStatus()

    after(busy(), DIED, status=status)

    assert status == KernelStatus()


# -- how it is stopped ----


def test_polite_stop_asks_then_terms_then_kills() -> None:
    assert [step.signum for step in POLITE_STOP] == [None, signal.SIGTERM, signal.SIGKILL]


def test_polite_steps_before_the_kill_share_the_grace_time() -> None:
    assert sum(step.share for step in POLITE_STOP[:-1]) == 1.0


def test_stop_now_only_kills() -> None:
    assert [step.signum for step in STOP_NOW] == [signal.SIGKILL]


@pytest.mark.parametrize("ladder", [POLITE_STOP, STOP_NOW])
def test_every_ladder_ends_with_what_cannot_be_ignored(ladder: tuple[object, ...]) -> None:
    assert ladder[-1] == STOP_NOW[-1]


# -- restarting what died ----


@pytest.mark.parametrize(
    ("restarts", "delay"), [(0, 0.0), (1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, None), (6, None)]
)
def test_each_restart_in_a_row_waits_twice_as_long_until_given_up(
    restarts: int, delay: float | None
) -> None:
    assert RestartPolicy().delay(restarts) == delay


def test_limit_of_zero_never_restarts() -> None:
    assert replace(RestartPolicy(), limit=0).delay(0) is None


@pytest.mark.parametrize(
    ("before", "lifetime", "counted"), [(0, 0.0, 0), (3, 9.9, 3), (3, 10.0, 0), (5, 1e9, 0)]
)
def test_a_stable_life_forgives_the_deaths_before(
    before: int, lifetime: float, counted: int
) -> None:
    assert RestartPolicy().restarts_in_a_row(before, lifetime) == counted
