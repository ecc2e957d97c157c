"""The commands show and do to kernels of remote engines what they do to this host's."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from kerneltui import paths
from kerneltui.cli import main
from kerneltui.commands import remote_kernel, remote_logs, remote_run
from kerneltui.errors import ActionRefused
from kerneltui.fleet import composition
from kerneltui.fleet.console.conversation import NOT_RUN
from kerneltui.fleet.console.prompt import Prompt
from kerneltui.fleet.engines import guarded_engine
from kerneltui.fleet.engines.choice import AnyEngine
from kerneltui.fleet.engines.engine_state import EngineState, Link
from kerneltui.fleet.engines.settings import ServerSettings
from kerneltui.fleet.model.classification import Kind
from kerneltui.fleet.model.snapshot import KernelSnapshot
from kerneltui.fleet.transcript.entries import RequestEnd, Role
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.kernels.client.interactive import END_OF_INPUT
from kerneltui.protocol.status import KernelState
from tests.fleet.engines.fake_engine import FakeEngine, rows_of
from tests.support import eventually
from tests.tui.fakes import FakeConsole, snapshot

GPU = ("--server", "gpu:8888")
BOX = ("--host", "ann@box")
LATER = 20  # looks: long after a command has begun to follow
Step = Callable[[], object]


class LookedAt(FakeEngine):
    """Does what a test wants while a command looks at the transcript again and again."""

    def __init__(self, *, rows: int = 2, hangs: bool = False) -> None:
        super().__init__("gpu", rows=rows, hangs=hangs)
        self._due: list[tuple[int, Step]] = []
        self._looks = 0

    def after_looks(self, count: int, *steps: Step) -> None:
        """Take steps, in the command's thread, once it has looked so many times from now on."""
        self._due += [(self._looks + count, step) for step in steps]

    def transcript(self, kernel_id: str) -> Transcript | None:
        due = [step for at, step in self._due if at <= self._looks]
        self._due = [each for each in self._due if each[0] > self._looks]
        self._looks += 1
        for step in due:
            step()
        return super().transcript(kernel_id)


class Machines:
    """The engines that commands can connect to, by name."""

    def __init__(self) -> None:
        self.gpu = LookedAt()
        self.box = FakeEngine("box")
        self.wanted: list[AnyEngine] = []

    def make(self, wanted: AnyEngine, _secret: str = "") -> FakeEngine:
        self.wanted.append(wanted)
        return {"gpu": self.gpu, "box": self.box}[wanted.name]


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    machines = Machines()
    monkeypatch.setattr(composition, "make_engine", machines.make)
    monkeypatch.setattr(guarded_engine, "CLOSE_PATIENCE", 0.1)
    monkeypatch.setattr(remote_run, "LOOK", 0.01)
    monkeypatch.setattr(remote_logs, "POLL", 0.01)
    yield machines
    for each in (machines.gpu, machines.box):
        each.free.set()


Out = pytest.CaptureFixture[str]


# -- ps ----


def test_the_table_has_the_rows_of_all_and_their_hosts(machines: Machines, capsys: Out) -> None:
    assert main([*GPU, *BOX, "ps"]) == 0

    titles, *rows = capsys.readouterr().out.splitlines()
    assert titles.split()[:4] == ["ID", "NAME", "HOST", "SPEC"]
    assert [row.split()[:3] for row in rows[:3]] == [
        ["k0", "name-gpu:k0", "gpu"],
        ["k1", "name-gpu:k1", "gpu"],
        ["k0", "name-box:k0", "box"],
    ]
    eventually(lambda: machines.gpu.closed)


@pytest.mark.usefixtures("machines")
def test_json_tells_the_host_and_ids_that_commands_take(capsys: Out) -> None:
    assert main([*GPU, "ps", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert [(each["host"], each["id"]) for each in told] == [("gpu", "gpu:k0"), ("gpu", "gpu:k1")]


@pytest.mark.usefixtures("machines")
def test_a_filter_by_host_chooses_among_all(capsys: Out) -> None:
    main([*GPU, *BOX, "ps", "-q", "host:box"])

    assert capsys.readouterr().out == "box:k0\n"


@pytest.mark.parametrize("link", [Link.REFUSED, Link.LOST, Link.CONNECTING])
def test_what_does_not_answer_is_told_and_the_rest_is_listed(
    machines: Machines, capsys: Out, link: Link
) -> None:
    machines.gpu.snapshots = ()
    machines.gpu.state = EngineState(link, 0.0, "wrong token", "give another")

    code = main([*GPU, *BOX, "ps", "-q"])

    out, err = capsys.readouterr()
    assert code == 1
    assert (out, err) == ("box:k0\n", "kerneltui: gpu: wrong token; give another\n")


def test_a_server_that_hangs_is_given_its_timeout(
    machines: Machines, capsys: Out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "kerneltui.toml"
    file.write_text("[servers.gpu]\nurl = 'gpu:8888'\ntimeout = 0.1", "utf-8")
    monkeypatch.setattr(paths, "config_file", lambda: file)
    monkeypatch.setattr("kerneltui.commands.opened_engine.MARGIN", 0.0)
    machines.gpu = LookedAt(rows=0, hangs=True)

    assert main(["--server", "gpu", "ps"]) == 1

    assert capsys.readouterr().err == "kerneltui: gpu: no answer within 0.1 s\n"
    machines.gpu.free.set()


def test_without_engines_no_command_loads_them() -> None:
    code = (
        "import atexit, sys; from kerneltui.cli import main; "
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main(['ps'])"
    )

    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "kerneltui.commands.ps" in ended.stderr
    for unwanted in ("opened_engine", "composition", "httpx", "websockets"):
        assert not any(name.endswith(unwanted) for name in ended.stderr.split())


# -- verbs ----


def test_a_verb_reaches_the_kernel_of_an_engine(machines: Machines) -> None:
    assert main([*GPU, *BOX, "interrupt", "gpu:k1", "box:name-box:k0"]) == 0

    assert machines.gpu.verbs == [("interrupt", "gpu:k1")]
    assert machines.box.verbs == [("interrupt", "box:k0")]


def test_an_id_needs_no_engine_if_it_is_clear(machines: Machines) -> None:
    assert main([*GPU, *BOX, "interrupt", "k1"]) == 0

    assert machines.gpu.verbs == [("interrupt", "gpu:k1")]


def test_an_id_of_two_hosts_is_listed_and_nothing_is_done(machines: Machines, capsys: Out) -> None:
    assert main([*GPU, *BOX, "interrupt", "k0"]) == 2

    assert "k0 may be any of name-gpu:k0 gpu:k0 " in capsys.readouterr().err
    assert machines.gpu.verbs == []


def test_a_verb_waits_only_for_the_engine_that_it_names(machines: Machines, capsys: Out) -> None:
    machines.box.state = EngineState(Link.REFUSED, 0.0, "no key")

    assert main([*GPU, *BOX, "interrupt", "gpu:k0"]) == 0

    assert capsys.readouterr().err == ""


def test_a_kernel_of_an_engine_that_does_not_answer_is_not_called_unknown(
    machines: Machines, capsys: Out
) -> None:
    machines.gpu.state = EngineState(Link.REFUSED, 0.0, "wrong token")

    assert main([*GPU, "interrupt", "gpu:k0"]) == 1

    assert capsys.readouterr().err == "kerneltui: gpu: wrong token\n"


def test_a_start_goes_to_the_engine_of_the_kernelspec(machines: Machines, capsys: Out) -> None:
    machines.gpu.snapshots = (snapshot("started", engine="gpu"),)

    assert main([*GPU, "start", "gpu:python3", "--name", "etl"]) == 0

    assert machines.gpu.verbs == [("start", "gpu:python3", "", "etl")]
    assert capsys.readouterr().out == "started\n"


def test_a_start_does_not_wait_for_a_server_s_kernel_to_be_ready(
    machines: Machines, capsys: Out
) -> None:
    starting, kind = KernelState.STARTING, Kind.REMOTE_SERVER
    machines.gpu.snapshots = (snapshot("started", starting, engine="gpu", kind=kind),)

    assert main([*GPU, "start", "gpu:python3"]) == 0

    assert capsys.readouterr().out == "started\n"


def test_a_start_is_refused_if_its_engine_is(machines: Machines, capsys: Out) -> None:
    machines.gpu.state = EngineState(Link.REFUSED, 0.0, "wrong token")

    assert main([*GPU, "start", "gpu:python3"]) == 1

    assert capsys.readouterr().err == "kerneltui: gpu: wrong token\n"


@pytest.mark.parametrize("wrong", ["", "theme = dark\n", "refresh = 0\n", "port = 8\n"])
def test_a_mistake_elsewhere_in_the_file_hides_no_server(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: str
) -> None:
    file = tmp_path / "kerneltui.toml"
    file.write_text(f"{wrong}[servers.gpu]\nurl = 'gpu:8888'\ntoken_env = 'T'\n", "utf-8")
    monkeypatch.setattr(paths, "config_file", lambda: file)

    assert main(["--server", "gpu", "ps", "-q"]) == 0

    assert machines.wanted == [ServerSettings("gpu", "gpu:8888", token_env="T")]


def test_an_unknown_name_is_one_error(capsys: Out) -> None:
    assert main(["--server", "gpu", "ps"]) == 1

    assert "'gpu' is not a URL, and not the name of a server" in capsys.readouterr().err


# -- wait, run, logs ----


def test_a_kernel_of_an_engine_is_waited_for(machines: Machines) -> None:
    machines.gpu.snapshots = (snapshot("gpu:k0", KernelState.BUSY, engine="gpu"),)
    idle = threading.Timer(0.2, lambda: setattr(machines.gpu, "snapshots", rows_of("gpu", 1)))
    idle.start()

    assert main([*GPU, "wait", "gpu:k0"]) == 0


def test_the_end_of_the_wait_is_told(machines: Machines, capsys: Out) -> None:
    machines.gpu.snapshots = (snapshot("gpu:k0", KernelState.BUSY, engine="gpu"),)

    assert main([*GPU, "wait", "gpu:k0", "--timeout", "0.1"]) == 3

    assert "is busy after 0.1 s" in capsys.readouterr().err


FINISHED = RequestEnd("m1")


class TalkingConsole(FakeConsole):
    """Writes to a transcript what a kernel that runs code does."""

    def __init__(self, transcript: Transcript, *said: tuple[Role, str]) -> None:
        super().__init__()
        self.transcript = transcript
        self._said = said
        self.is_busy = False
        """With the code of others: a test has to `run` what it is given."""

    def execute(
        self, kernel_id: str, code: str, *, beside: bool = False, msg_id: str = "m1"
    ) -> str:
        if not self.is_busy:
            self.run(code)
        return super().execute(kernel_id, code, beside=beside, msg_id=msg_id)

    def run(self, code: str, parent: str = "m1") -> None:
        self.write(Role.INPUT, f"In [1]: {code}", parent)
        for role, text in self._said:
            self.write(role, text, parent)
        if not self.queued:
            error = next((text for role, text in self._said if role is Role.ERROR), None)
            self.finish(RequestEnd(parent, error))

    def finish(self, end: RequestEnd = FINISHED) -> None:
        self.queued = {}
        self.transcript.end(end)

    def write(self, role: Role, text: str, parent: str = "m1") -> None:
        self.transcript.write(role, text, time=0.0, parent=parent)


class AskingConsole(TalkingConsole):
    """Its code asks the same question again, as soon as it is answered, so many times."""

    def ask(self, times: float) -> None:
        self.prompts = {"gpu:k0": Prompt("gpu:k0", "name? ", False, "m1", asked_at=times)}
        self.queued = {"gpu:k0": ("input()",)}

    def answer(self, prompt: Prompt, value: str) -> None:
        super().answer(prompt, value)
        self.prompts = {}
        if prompt.asked_at > 1:
            self.ask(prompt.asked_at - 1)
        else:
            self.finish()


@pytest.mark.usefixtures("machines")
def test_clean_does_not_pretend_to_look_elsewhere(capsys: Out) -> None:
    assert main([*BOX, "clean"]) == 1

    assert "clean is for the files of this host" in capsys.readouterr().err


def talking(machines: Machines, *said: tuple[Role, str]) -> TalkingConsole:
    transcript = machines.gpu.transcripts["gpu:k0"] = Transcript()
    transcript.write(Role.STDOUT, "earlier\n", time=0.0, parent="m0")
    console = machines.gpu.console = TalkingConsole(transcript, *said)
    return console


def test_code_is_run_and_its_output_is_printed(machines: Machines, capsys: Out) -> None:
    talking(machines, (Role.STDOUT, "a\nb\n"), (Role.STDERR, "c\n"), (Role.RESULT, "Out[1]: 42"))

    assert main([*GPU, "run", "gpu:k0", "-c", "6 * 7"]) == 0

    assert capsys.readouterr() == ("a\nb\n42\n", "c\n")


def test_code_that_raises_ends_with_1(machines: Machines, capsys: Out) -> None:
    talking(machines, (Role.ERROR, "ZeroDivisionError: division by zero"))

    assert main([*GPU, "run", "gpu:k0", "-c", "1 / 0"]) == 1

    assert capsys.readouterr().err == "ZeroDivisionError: division by zero\n"


def begun(machines: Machines) -> TalkingConsole:
    """Have code that is run begin, and not end."""
    console = talking(machines)
    console.queued = {"gpu:k0": ("1 / 0",)}
    return console


def test_a_run_waits_until_the_end_of_its_code_is_told_however_still_it_is(
    machines: Machines, capsys: Out
) -> None:
    console = begun(machines)
    machines.gpu.after_looks(3, lambda: setattr(console, "queued", {}))
    machines.gpu.after_looks(
        LATER,
        lambda: console.write(Role.ERROR, "ZeroDivisionError: division by zero"),
        lambda: console.finish(RequestEnd("m1", "ZeroDivisionError: division by zero")),
    )

    assert main([*GPU, "run", "gpu:k0", "-c", "1 / 0"]) == 1
    assert capsys.readouterr().err == "ZeroDivisionError: division by zero\n"


def test_the_exit_code_of_a_run_is_that_of_the_reply_and_not_of_what_was_shown(
    machines: Machines, capsys: Out
) -> None:
    console = begun(machines)

    machines.gpu.after_looks(LATER, lambda: console.finish(RequestEnd("m1", "1: No such file")))

    assert main([*GPU, "run", "gpu:k0", "-c", "ls"]) == 1
    assert capsys.readouterr().err == "kerneltui: name-gpu:k0: 1: No such file\n"


def test_an_error_that_code_has_caught_and_shown_does_not_fail_it(machines: Machines) -> None:
    console = begun(machines)

    machines.gpu.after_looks(
        LATER, lambda: console.write(Role.ERROR, "ValueError: shown"), console.finish
    )

    assert main([*GPU, "run", "gpu:k0", "-c", "show()"]) == 0


def test_a_run_whose_kernel_is_restarted_fails(machines: Machines, capsys: Out) -> None:
    console = begun(machines)
    console.transcript.mark_open(True)

    machines.gpu.after_looks(
        LATER, lambda: console.finish(RequestEnd("m1", "it was restarted", is_given_up=True))
    )

    assert main([*GPU, "run", "gpu:k0", "-c", "sleep"]) == 1
    told = "kerneltui: name-gpu:k0: how the code ended is not known: it was restarted\n"
    assert capsys.readouterr().err == told


def test_a_run_whose_end_is_never_told_is_an_error(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setattr(remote_run, "TOLD", 0.2)
    console = begun(machines)

    machines.gpu.after_looks(LATER, lambda: setattr(console, "queued", {}))

    assert main([*GPU, "run", "gpu:k0", "-c", "1"]) == 1
    assert "has not told how it has ended" in capsys.readouterr().err


# -- the last words of a kernel ----

DEAD = (snapshot("gpu:k0", KernelState.DEAD, engine="gpu", reason="killed"),)
WAYS_TO_END = pytest.mark.parametrize("rows", [DEAD, ()], ids=["dead", "gone"])


def end_without_last_words(
    machines: Machines, console: TalkingConsole, rows: tuple[KernelSnapshot, ...]
) -> None:
    """Have the kernel end, and be told as ended before its last output is."""
    machines.gpu.snapshots = rows
    if not rows:
        del machines.gpu.transcripts["gpu:k0"]
    machines.gpu.after_looks(
        LATER,
        lambda: console.write(Role.STDERR, "last words\n"),
        lambda: console.transcript.mark_open(False),
    )


@WAYS_TO_END
def test_a_run_prints_the_last_words_of_a_kernel_that_ends(
    machines: Machines, capsys: Out, rows: tuple[KernelSnapshot, ...]
) -> None:
    console = begun(machines)
    console.transcript.mark_open(True)

    machines.gpu.after_looks(3, partial(end_without_last_words, machines, console, rows))

    assert main([*GPU, "run", "gpu:k0", "-c", "crash"]) == 1
    assert capsys.readouterr().err.startswith("last words\nkerneltui: name-gpu:k0 is ")


@WAYS_TO_END
@pytest.mark.parametrize("looks", [1, 3], ids=["before it is followed", "while it is followed"])
def test_logs_print_the_last_words_of_a_kernel_that_ends(
    machines: Machines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Out,
    rows: tuple[KernelSnapshot, ...],
    looks: int,
) -> None:
    monkeypatch.setattr(remote_logs, "SETTLED", 0.0)
    console = talking(machines)
    console.transcript.mark_open(True)

    machines.gpu.after_looks(looks, partial(end_without_last_words, machines, console, rows))

    assert main([*GPU, "logs", "-f", "gpu:k0"]) == 0
    assert capsys.readouterr() == ("earlier\n", "last words\n")


def test_logs_of_a_kernel_whose_last_words_are_not_told_end(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_kernel, "LAST_WORDS", 0.1)
    monkeypatch.setattr(remote_logs, "SETTLED", 0.0)
    talking(machines).transcript.mark_open(True)

    machines.gpu.after_looks(3, lambda: setattr(machines.gpu, "snapshots", DEAD))

    assert main([*GPU, "logs", "-f", "gpu:k0"]) == 0


def test_code_that_takes_too_long_is_interrupted(machines: Machines) -> None:
    console = talking(machines)
    console.queued = {"gpu:k0": ("sleep",)}
    machines.gpu.snapshots = (snapshot("gpu:k0", KernelState.BUSY, engine="gpu"),)
    machines.gpu.after_looks(LATER, console.finish)

    assert main([*GPU, "run", "gpu:k0", "-c", "sleep", "--timeout", "0.1"]) == 124

    assert machines.gpu.verbs == [("interrupt", "gpu:k0")]


def test_code_whose_interrupt_is_refused_is_left_running(machines: Machines, capsys: Out) -> None:
    talking(machines).queued = {"gpu:k0": ("sleep",)}
    machines.gpu.error = ActionRefused("it would end the kernel")

    assert main([*GPU, "run", "gpu:k0", "-c", "sleep", "--timeout", "0.1"]) == 124

    told = "kerneltui: it would end the kernel; the code still runs\n"
    assert capsys.readouterr().err == told


def test_code_that_waits_behind_that_of_others_is_waited_for(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    monkeypatch.setattr(remote_run, "TAKEN", 0.2)
    console = talking(machines, (Role.STDOUT, "a\n"))
    console.is_busy, console.queued = True, {"gpu:k0": ("1",)}

    def begin() -> None:
        console.queued = {}
        console.run("1")

    machines.gpu.after_looks(LATER, begin)

    assert main([*GPU, "run", "gpu:k0", "-c", "1"]) == 0

    assert capsys.readouterr().out == "a\n"


def test_code_that_has_not_begun_in_time_is_left_alone_as_what_runs_is_others(
    machines: Machines, capsys: Out
) -> None:
    console = talking(machines, (Role.STDOUT, "a\n"))
    console.is_busy, console.queued = True, {"gpu:k0": ("1",)}
    console.run("1", parent="of others")

    assert main([*GPU, "run", "gpu:k0", "-c", "1", "--timeout", "0.2"]) == 124

    assert not machines.gpu.verbs
    told = "kerneltui: name-gpu:k0 has not begun to run it; it will when it is its turn\n"
    assert capsys.readouterr() == ("", told)


def test_the_note_that_code_is_not_run_counts_for_that_code_alone(
    machines: Machines, capsys: Out
) -> None:
    console = talking(machines)
    console.is_busy = True
    console.write(Role.NOTE, f"{NOT_RUN}: another's", "of others")
    console.write(Role.NOTE, f"{NOT_RUN}: it is full")

    assert main([*GPU, "run", "gpu:k0", "-c", "1"]) == 1

    assert capsys.readouterr().err == "kerneltui: name-gpu:k0: not run: it is full\n"


def test_an_input_request_without_a_terminal_gets_the_end_of_input(machines: Machines) -> None:
    console = AskingConsole(Transcript())
    machines.gpu.transcripts["gpu:k0"], machines.gpu.console = console.transcript, console
    console.ask(1)

    assert main([*GPU, "run", "gpu:k0", "-c", "input()"]) == 0

    assert ("answer", "gpu:k0", END_OF_INPUT) in console.sent


def test_the_same_question_is_answered_as_often_as_it_is_asked(machines: Machines) -> None:
    console = AskingConsole(Transcript())
    machines.gpu.transcripts["gpu:k0"], machines.gpu.console = console.transcript, console
    console.ask(2)

    assert main([*GPU, "run", "gpu:k0", "-c", "input(), input()"]) == 0

    assert console.sent.count(("answer", "gpu:k0", END_OF_INPUT)) == 2


class Clock:
    """Goes on only while somebody sleeps: what is looked at first is looked at in time."""

    def __init__(self) -> None:
        self._now = time.monotonic()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


def test_code_that_waits_for_the_user_too_long_is_interrupted(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    console = talking(machines)
    console.queued = {"gpu:k0": ("input()",)}
    console.prompts = {"gpu:k0": Prompt("gpu:k0", "name? ", False, "m1")}
    terminal, typing = pty.openpty()
    machines.gpu.after_looks(LATER, console.finish)
    monkeypatch.setattr(remote_run, "time", Clock())

    with os.fdopen(typing) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        assert main([*GPU, "run", "gpu:k0", "-c", "input()", "--timeout", "0.1"]) == 124

    assert machines.gpu.verbs == [("interrupt", "gpu:k0")]
    assert capsys.readouterr().out.startswith("name? \n")
    os.close(terminal)


def test_read_only_holds_for_the_engine_whose_logs_are_read(machines: Machines) -> None:
    main(["--read-only", *GPU, "logs", "gpu:k0"])

    assert machines.gpu.locked


def test_read_only_holds_for_the_engines_whose_kernels_are_listed(machines: Machines) -> None:
    main(["--read-only", *GPU, *BOX, "ps"])

    assert (machines.gpu.locked, machines.box.locked) == (True, True)


def test_what_its_cells_printed_is_told(machines: Machines, capsys: Out) -> None:
    transcript = machines.gpu.transcripts["gpu:k0"] = Transcript()
    transcript.write(Role.INPUT, "In [1]: 1", time=0.0, parent="m0")
    transcript.write(Role.STDOUT, "a\nb\nc\n", time=0.0, parent="m0")

    assert main([*GPU, "logs", "gpu:k0", "--tail", "2"]) == 0

    assert capsys.readouterr().out == "b\nc\n"


@pytest.mark.usefixtures("machines")
def test_a_server_that_keeps_no_output_is_told(capsys: Out) -> None:
    assert main([*GPU, "logs", "gpu:k0"]) == 1

    assert "-f prints what its cells print from now on" in capsys.readouterr().err
