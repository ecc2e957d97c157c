"""Looking goes on, whatever one look comes to."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from kerneltui.fleet.threads import periodic
from kerneltui.fleet.threads.periodic import PeriodicThread
from tests.support import eventually


def test_a_look_that_fails_is_logged_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(periodic, "INTERVAL", 0.0)
    came_again = threading.Event()
    looks = [0]

    def look() -> None:
        looks[0] += 1
        if looks[0] == 1:
            raise RuntimeError("a defect")
        came_again.set()

    watching = PeriodicThread("test", "looking", look)
    watching.start()
    assert came_again.wait(10)
    watching.stop()

    assert "looking failed: RuntimeError" in caplog.text


def test_a_look_that_fails_keeps_no_other_from_its_turn() -> None:
    looked: list[int] = []

    def fail() -> None:
        raise RuntimeError

    thread = PeriodicThread(
        "test", "looking", partial(looked.append, 1), fail, partial(looked.append, 2)
    )

    thread.look()

    assert looked == [1, 2]


def test_a_thread_that_is_hurried_does_not_wait_out_its_pause() -> None:
    looked = threading.Semaphore(0)
    thread = PeriodicThread("test", "looking", looked.release, pause=lambda: 1000.0)
    thread.start()
    assert looked.acquire(timeout=10)

    thread.hurry()

    assert looked.acquire(timeout=10)
    thread.stop()


def test_a_turn_that_is_wanted_begins_after_it_was_asked_for() -> None:
    looks: list[int] = []
    going_on = threading.Event()

    def look() -> None:
        looks.append(len(looks))
        if len(looks) == 1:
            going_on.wait(10)

    thread = PeriodicThread("test", "looking", look, pause=lambda: 1000.0)
    thread.start()
    eventually(lambda: looks)
    threading.Timer(0.05, going_on.set).start()
    thread.take_turn(10)
    thread.stop()

    assert looks == [0, 1]


def test_a_turn_that_hangs_is_waited_for_as_long_as_was_said() -> None:
    going_on = threading.Event()
    thread = PeriodicThread("test", "looking", lambda: bool(going_on.wait(10)))
    thread.start()

    thread.take_turn(0.01)
    going_on.set()
    thread.stop()

    assert thread.has_ended


def test_the_end_does_not_wait_out_the_pause() -> None:
    looked = threading.Semaphore(0)
    thread = PeriodicThread("test", "looking", looked.release, pause=lambda: 1000.0)
    thread.start()
    assert looked.acquire(timeout=10)

    thread.stop()

    assert thread.has_ended
