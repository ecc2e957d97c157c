"""Many engines are one: each id reaches its engine, and no engine waits for another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from kerneltui.errors import ActionRefused, KernelError
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.engines import guarded_engine
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.engines import Engines
from kerneltui.fleet.model.capabilities import Verb
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.transcript import Transcript
from tests.fleet.engines.fake_engine import FakeEngine, rows_of
from tests.support import Background, eventually
from tests.tui.fakes import FakeFleet, snapshot


class Stage:
    """This host's engine, and ten others of which three hang."""

    def __init__(self) -> None:
        self.local = FakeFleet(snapshot("here"))
        self.remote = [FakeEngine(f"e{number}", hangs=number in (1, 4, 7)) for number in range(10)]
        self.engines = Engines(self.local, self.remote)

    def free(self) -> None:
        for each in self.remote:
            each.free.set()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(guarded_engine, "CLOSE_PATIENCE", 0.1)
    stage = Stage()
    yield stage
    stage.free()


def ids(engines: Engines) -> list[str]:
    return [each.kernel_id for each in engines.snapshots]


# -- engines that hang ----


def test_opening_waits_for_no_remote_engine(stage: Stage) -> None:
    stage.engines.open()

    assert stage.local.opened.is_set()
    eventually(lambda: sum(each.opened.is_set() for each in stage.remote) == 7)


def test_the_rows_of_the_others_are_there_while_three_engines_hang(stage: Stage) -> None:
    for each in stage.remote:
        each.snapshots = () if not each.free.is_set() else each.snapshots

    stage.engines.open()

    assert ids(stage.engines) == ["here", *(f"e{each}:k0" for each in (0, 2, 3, 5, 6, 8, 9))]


def test_a_verb_on_an_engine_that_hangs_delays_no_other(stage: Stage) -> None:
    hung, quick = (rows_of(name, 1)[0].target for name in ("e1", "e2"))
    waiting = Background(lambda: stage.engines.do(Verb.INTERRUPT, hung))

    stage.engines.do(Verb.INTERRUPT, quick)

    assert not waiting.over
    stage.free()
    waiting.result()


def test_closing_leaves_an_engine_behind_that_hangs(stage: Stage) -> None:
    stage.engines.open()

    stage.engines.close()

    assert stage.local.closed
    hang = [not each.free.is_set() for each in stage.remote]
    eventually(lambda: [not each.closed for each in stage.remote] == hang)


def test_an_engine_that_opens_late_is_closed_after_that(stage: Stage) -> None:
    stage.engines.open()
    stage.engines.close()

    stage.free()

    eventually(lambda: all(each.opened.is_set() and each.closed for each in stage.remote))


# -- routing ----


@pytest.fixture
def pair() -> tuple[FakeFleet, FakeEngine, Engines]:
    local, gpu = FakeFleet(snapshot("here")), FakeEngine("gpu")
    return local, gpu, Engines(local, [gpu])


Pair = tuple[FakeFleet, FakeEngine, Engines]
REQUESTS: list[Callable[[Engines, str], object]] = [
    lambda engines, id_: engines.start(id_, cwd="/", name=""),
    lambda engines, id_: engines.do(Verb.SIGNAL, snapshot(id_).target, signum=10),
    lambda engines, id_: engines.mark(id_),
]


@pytest.mark.parametrize("ask", REQUESTS)
@pytest.mark.parametrize("id_", ["here", "gpu:k0", "unknown:k0"])
def test_a_verb_reaches_the_engine_that_the_id_names(
    pair: Pair, ask: Callable[[Engines, str], object], id_: str
) -> None:
    local, gpu, engines = pair

    ask(engines, id_)

    reached, other = (gpu, local) if id_ == "gpu:k0" else (local, gpu)
    assert [verb[1] for verb in reached.verbs] == [id_]
    assert other.verbs == []


@pytest.mark.parametrize("ask", ["execute", "complete", "inspect", "is_complete"])
@pytest.mark.parametrize("id_", ["here", "gpu:k0"])
def test_the_console_speaks_to_the_engine_of_the_kernel(pair: Pair, ask: str, id_: str) -> None:
    local, gpu, engines = pair
    further = (0,) if ask in ("complete", "inspect") else ()

    getattr(engines.console, ask)(id_, "1", *further)

    reached = gpu if id_ == "gpu:k0" else local
    assert [sent[:2] for sent in reached.console.sent] == [(ask, id_)]


def test_an_answer_goes_to_the_engine_that_asked(pair: Pair) -> None:
    _local, gpu, engines = pair

    engines.console.answer(Prompt("gpu:k0", "name? ", False, "m1"), "Ann")

    assert gpu.console.sent == [("answer", "gpu:k0", "Ann")]


def test_a_transcript_is_that_of_the_kernel_s_engine(pair: Pair) -> None:
    _local, gpu, engines = pair
    gpu.transcripts["gpu:k0"] = transcript = Transcript()

    assert engines.transcript("gpu:k0") is transcript
    assert engines.transcript("here") is None


def test_only_the_engine_of_the_kernel_looks_at_it_closely(pair: Pair) -> None:
    local, gpu, engines = pair
    engines.detailed = "here"
    first = (local.detailed, gpu.detailed)

    engines.detailed = "gpu:k0"

    assert first == ("here", "")
    assert (local.detailed, gpu.detailed, engines.detailed) == ("", "gpu:k0", "gpu:k0")


def test_a_lock_holds_in_every_engine(pair: Pair) -> None:
    local, gpu, engines = pair

    engines.locked = True

    assert (engines.locked, local.locked, gpu.locked) == (True, True, True)


# -- what is merged ----


def test_the_rows_are_the_same_object_until_an_engine_has_new_ones(pair: Pair) -> None:
    _local, gpu, engines = pair
    first = engines.snapshots
    second = engines.snapshots

    gpu.snapshots = rows_of("gpu", 2)

    assert first is second
    assert ids(engines) == ["here", "gpu:k0", "gpu:k1"]


def test_without_a_remote_engine_the_rows_are_those_of_this_host() -> None:
    local = FakeFleet(snapshot("here"))

    assert Engines(local).snapshots is local.snapshots


def test_the_prompts_of_all_engines_are_one_mapping_until_one_changes(pair: Pair) -> None:
    local, gpu, engines = pair
    local.console.prompts = {"here": Prompt("here", "", False, "m1")}
    gpu.console.prompts = {"gpu:k0": Prompt("gpu:k0", "", False, "m2")}
    first = engines.console.prompts

    assert sorted(first) == ["gpu:k0", "here"]
    assert engines.console.prompts is first


def test_the_kernelspecs_begin_with_those_of_this_host(pair: Pair) -> None:
    _local, _gpu, engines = pair

    assert [each.name for each in engines.kernel_specs()] == ["python3", "bash", "gpu:python3"]


def test_only_the_kernelspecs_of_a_connected_engine_are_offered(pair: Pair) -> None:
    _local, gpu, engines = pair
    gpu.state = EngineState(Link.LOST)

    assert [each.name for each in engines.kernel_specs()] == ["python3", "bash"]


def test_news_begin_with_the_name_of_their_engine(pair: Pair) -> None:
    local, gpu, engines = pair
    local.notices = [Notice("warning", "disk full")]
    gpu.notices = [Notice("error", "k0 died", "gpu:k0")]

    notices = engines.take_notices()

    assert [each.text for each in notices] == ["disk full", "gpu: k0 died"]
    engines.note_told(notices[1])
    assert gpu.told == [notices[1]]


# -- an engine with an error of ours ----


@pytest.fixture
def broken(pair: Pair, caplog: pytest.LogCaptureFixture) -> Pair:
    caplog.set_level(logging.CRITICAL, "kerneltui")
    assert len(pair[2].snapshots) == 2
    pair[1].fault = ZeroDivisionError("a secret")
    return pair


def test_an_engine_that_fails_keeps_its_rows_as_they_were(broken: Pair) -> None:
    local, _gpu, engines = broken
    local.snapshots = ()

    assert ids(engines) == ["gpu:k0"]


def test_an_engine_that_fails_has_no_news(broken: Pair) -> None:
    assert broken[2].take_notices() == ()


def test_a_verb_of_an_engine_that_fails_is_refused_without_the_error_s_text(broken: Pair) -> None:
    with pytest.raises(KernelError, match="engine gpu failed: ZeroDivisionError") as raised:
        broken[2].start("gpu:python3", cwd="/")

    assert "secret" not in str(raised.value)


def test_a_question_to_an_engine_that_fails_gets_a_failed_reply(
    broken: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    _local, gpu, engines = broken
    monkeypatch.delattr(gpu, "console")

    reply: Future[dict[str, object]] = engines.console.is_complete("gpu:k0", "1")

    assert isinstance(reply.exception(0), KernelError)


# -- shutting all down ----


def test_all_is_shut_down_in_every_engine_that_has_a_kernel_of_ours(pair: Pair) -> None:
    local, gpu, engines = pair

    engines.shutdown_all()

    assert local.verbs == [("shutdown all",)]
    assert gpu.verbs == [("shutdown all", "gpu:k0")]


def test_only_the_engines_of_the_targets_shut_anything_down(pair: Pair) -> None:
    local, gpu, engines = pair

    engines.shutdown_all([rows_of("gpu", 1)[0].target])

    assert local.verbs == []
    assert gpu.verbs == [("shutdown all", "gpu:k0")]


def test_an_engine_that_is_not_connected_is_told_and_not_asked(pair: Pair) -> None:
    _local, gpu, engines = pair
    gpu.state = EngineState(Link.LOST)

    told = engines.shutdown_all()

    assert told == "gpu is not connected, and its kernels were left alone"
    assert gpu.verbs == []


# -- engines that come and go ----


def test_an_engine_that_is_added_is_opened_locked_and_listed_last(pair: Pair) -> None:
    _local, _gpu, engines = pair
    engines.open()
    engines.locked = True

    engines.add(late := FakeEngine("late"))

    eventually(late.opened.is_set)
    assert late.locked
    assert ids(engines) == ["here", "gpu:k0", "late:k0"]


def test_two_engines_cannot_have_one_name(pair: Pair) -> None:
    with pytest.raises(ActionRefused, match="an engine called gpu is there already"):
        pair[2].add(FakeEngine("gpu"))


def test_an_engine_that_is_removed_is_closed_and_its_rows_are_gone(pair: Pair) -> None:
    _local, gpu, engines = pair

    engines.remove("gpu")

    assert gpu.closed
    assert (ids(engines), engines.remote) == (["here"], ())


def test_engines_come_and_go_in_several_threads(pair: Pair) -> None:
    engines = pair[2]

    def come_and_go(name: str) -> None:
        for _ in range(50):
            engines.add(FakeEngine(name))
            engines.remove(name)

    threads = [threading.Thread(target=come_and_go, args=(f"t{each}",)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert [each.name for each in engines.remote] == ["gpu"]
