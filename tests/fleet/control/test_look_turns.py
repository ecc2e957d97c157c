import threading

from kerneltui.fleet.control.look_turns import LookTurns
from tests.support import Background


def test_the_second_waits_for_the_first() -> None:
    turns, done, go = LookTurns(), list[str](), threading.Event()

    def second() -> None:
        go.wait()
        with turns.taken("a", 10):
            done.append("second")

    waiting = Background(second)
    with turns.taken("a", 10):
        go.set()
        with turns.taken("b", 0):  # which has turns of its own
            done.append("first")
    waiting.result()

    assert done == ["first", "second"]


def test_after_its_patience_it_goes_on_without_a_turn() -> None:
    turns = LookTurns()

    with turns.taken("a", 10), turns.taken("a", 0.0):
        pass

    with turns.taken("a", 0):
        pass
