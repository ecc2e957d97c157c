"""A row of another machine is listed in the words and the units of this host's."""

from __future__ import annotations

from kerneltui.commands.listing import find
from kerneltui.commands.ps import to_table
from kerneltui.commands.remote_listing import listed_snapshot
from kerneltui.protocol.status import KernelState
from tests.tui.fakes import NOW, snapshot

EPOCH = 1.7e9  # seconds since the epoch at the instant NOW
ROW = snapshot("gpu:3f2a", KernelState.BUSY, engine="gpu", kernel_name="gpu:python3", name="etl")


def test_instants_become_times_of_day() -> None:
    listed = listed_snapshot(ROW, EPOCH, NOW)

    assert (listed.started_at, listed.last_activity) == (EPOCH - 600, EPOCH - 30)
    assert (listed.state, listed.since) == ("busy", EPOCH - 30)


def test_the_host_is_told_apart_and_the_id_is_what_commands_take() -> None:
    listed = listed_snapshot(ROW, EPOCH, NOW)

    assert (listed.host, listed.id, listed.kernelspec) == ("gpu", "gpu:3f2a", "python3")


def test_what_a_machine_does_not_tell_is_not_known() -> None:
    listed = listed_snapshot(snapshot("gpu:k", engine="gpu", usage=None), EPOCH, NOW)

    assert (listed.memory, listed.cpu_time, listed.children, listed.unheard_since) == (
        *(None, None, None),
        None,
    )


def test_a_row_that_is_not_heard_says_since_when() -> None:
    unheard = snapshot("gpu:k", engine="gpu", unheard_since=NOW - 40)

    table = to_table([listed_snapshot(unheard, EPOCH, NOW)], EPOCH, with_host=True)

    assert "not heard 40s" in table


def test_a_name_of_two_hosts_is_clear_with_the_host_before_it() -> None:
    here, there = snapshot("k1", name="etl"), ROW

    assert find([here, there], "gpu:etl") is there
    assert find([here, there], "here:etl") is here
    assert find([here, there], "gpu:3f") is there
