"""What a server tells is dated by our clock: its own may be wrong."""

from __future__ import annotations

import pytest

from kerneltui.fleet.engines.server.listing import Look, RemoteKernel, listed, notebooks_of
from kerneltui.kernels.gateway.models import KernelModel, SessionModel
from kerneltui.protocol.status import KernelState
from tests.fleet.engines.server.models import model, notebook

FIRST = Look(at=100.0, wall=1_000.0)
SECOND = Look(at=103.0, wall=1_003.0, before=100.0)


def kernel_of(told: KernelModel, *later: KernelModel) -> RemoteKernel:
    """Return a kernel as it is known after a first look, and after a second one."""
    kernels = listed([told], {}, {}, FIRST)
    for each in later:
        kernels = listed([each], {}, kernels, SECOND)
    return kernels["k-1"]


def test_an_idle_kernel_is_idle_since_its_last_activity() -> None:
    assert kernel_of(model(at=990.0)).since == 90.0


def test_it_is_not_known_when_the_cell_of_a_busy_kernel_began() -> None:
    kernel = kernel_of(model(state="busy", at=990.0))

    assert (kernel.since, kernel.seen_since) == (None, 90.0)


def test_a_kernel_that_becomes_busy_is_so_since_its_activity() -> None:
    assert kernel_of(model(at=900.0), model(state="busy", at=1_001.0)).since == 101.0


def test_output_does_not_move_the_beginning_of_a_cell() -> None:
    begun = model(state="busy", at=1_001.0)
    kernels = listed([begun], {}, listed([model()], {}, {}, FIRST), SECOND)
    third = Look(at=106.0, wall=1_006.0, before=103.0)

    kernel = listed([model(state="busy", at=1_005.0)], {}, kernels, third)["k-1"]

    assert (kernel.since, kernel.active_at) == (101.0, 105.0)


def test_a_cell_between_two_looks_moves_the_rest() -> None:
    assert kernel_of(model(at=900.0), model(at=1_002.0)).since == 102.0


def test_a_clock_that_is_slow_dates_nothing_before_the_look_before() -> None:
    assert kernel_of(model(at=500.0), model(state="busy", at=501.0)).since == 100.0


def test_a_clock_that_is_fast_dates_nothing_after_the_look() -> None:
    assert kernel_of(model(at=5_000.0)).active_at == 100.0


def test_a_death_without_activity_is_dated_by_the_look() -> None:
    kernel = kernel_of(model(at=900.0), model(state="dead", at=900.0))

    assert (kernel.state, kernel.since) == (KernelState.DEAD, 103.0)


def test_a_kernel_of_which_nothing_has_changed_stays_the_same_object() -> None:
    before = listed([model()], {}, {}, FIRST)

    assert listed([model()], {}, before, SECOND)["k-1"] is before["k-1"]


def test_a_notebook_that_was_renamed_keeps_the_times() -> None:
    before = listed([model()], {"k-1": "a.ipynb"}, {}, FIRST)

    kernel = listed([model()], {"k-1": "b.ipynb"}, before, SECOND)["k-1"]

    assert (kernel.name, kernel.since) == ("b.ipynb", before["k-1"].since)


def test_a_word_that_is_not_a_state_is_unknown() -> None:
    assert kernel_of(model(state="")).state is KernelState.UNKNOWN


def test_a_kernel_whose_id_cannot_be_shown_is_left_out() -> None:
    assert listed([model("k\x1b[2J"), model("k-2")], {}, {}, FIRST).keys() == {"k-2"}


@pytest.mark.parametrize(
    ("sessions", "path"),
    [
        ([notebook("a/x.ipynb"), notebook("y.ipynb")], "a/x.ipynb"),
        ([notebook("console-1-abc", kind="console"), notebook("y.ipynb")], "y.ipynb"),
        ([SessionModel("s", "x.ipynb", "x", "notebook", None)], None),
        ([], None),
    ],
)
def test_a_kernel_is_that_of_its_first_notebook(
    sessions: list[SessionModel], path: str | None
) -> None:
    assert notebooks_of(sessions).get("k-1") == path
