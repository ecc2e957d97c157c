"""The agent's side: requests of any shape get a reply, and a slow reader delays news only."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from kerneltui.fleet.engines.ssh import answers as answers_module
from kerneltui.fleet.engines.ssh import lines, serving
from kerneltui.fleet.engines.ssh import publisher as publisher_module
from kerneltui.fleet.engines.ssh.answers import Answers
from kerneltui.fleet.engines.ssh.codec import encode
from kerneltui.fleet.engines.ssh.outgoing import Outgoing
from kerneltui.fleet.engines.ssh.publisher import Publisher
from kerneltui.fleet.engines.ssh.serving import serve
from kerneltui.fleet.registry.notices import Notice
from kerneltui.fleet.transcript.entries import Role
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.protocol.status import KernelState
from tests.support import PATIENCE, eventually, no_more_threads
from tests.tui.fakes import FakeFleet, snapshot

Message = dict[str, Any]


class Client:
    """Speaks to `serve` over pipes."""

    def __init__(self, fleet: FakeFleet) -> None:
        incoming, self._writer = os.pipe()
        self._reader, outgoing = os.pipe()
        self._incoming, self._outgoing = incoming, outgoing
        self._end, self._wakes = os.pipe()
        arguments = fleet, incoming, outgoing, "1.2.3", self._end
        self._thread = threading.Thread(
            target=serve, args=arguments, name="agent-test", daemon=True
        )
        self._thread.start()
        self._lines = os.fdopen(self._reader, "rb")

    def send(self, *lines: object) -> None:
        for each in lines:
            text = each if isinstance(each, bytes) else json.dumps(each).encode()
            os.write(self._writer, text + b"\n")

    def next(self) -> Message:
        message = json.loads(self._lines.readline())
        assert isinstance(message, dict)
        return message

    def reply(self, number: int) -> Message:
        """Return the reply to a request, and leave out what comes before it."""
        while (message := self.next()).get("id") != number:
            pass
        return message

    def news(self, name: str) -> Any:
        while name not in (message := self.next()):
            pass
        return message[name]

    def hang_up(self) -> None:
        if self._writer >= 0:
            os.close(self._writer)
        self._writer = -1

    def signal(self) -> None:
        """Do as a signal handler does."""
        os.write(self._wakes, b"\x0f")

    def wait_for_the_end(self) -> None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def close(self) -> None:
        self.hang_up()
        self._lines.close()
        self.wait_for_the_end()
        for each in (self._incoming, self._end, self._wakes):
            os.close(each)
        os.close(self._outgoing)


@pytest.fixture
def client(fleet: FakeFleet) -> Iterator[Client]:
    with closing(Client(fleet)) as client:
        yield client


def test_the_first_line_is_the_greeting(client: Client) -> None:
    greeting = client.next()["greeting"]

    assert (greeting["protocol"], greeting["kerneltui"]) == (lines.PROTOCOL, "1.2.3")
    assert greeting["host"] == os.uname().nodename


def test_a_signal_ends_it_while_the_other_side_is_there(client: Client) -> None:
    client.next()

    client.signal()

    client.wait_for_the_end()


def test_only_what_has_changed_of_a_row_is_sent(client: Client, fleet: FakeFleet) -> None:
    assert client.news("rows")["k1"] == encode(fleet.snapshots[0])

    fleet.snapshots = (snapshot("k1", code="1 + 1"),)

    assert client.news("rows") == {"k1": {"code": "1 + 1"}}


def test_a_quiet_box_sends_nothing_but_a_heartbeat(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "HEARTBEAT", 0.3)
    client.send({"id": 1, "do": "set"})
    client.reply(1)

    lines = [client.next() for _ in range(6)][-3:]

    assert [list(each) for each in lines] == [["now"]] * 3


def test_a_request_for_which_there_is_no_thread_is_refused_and_later_ones_are_carried_out(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers_module, "MAX_AT_ONCE", 1)
    outgoing = Outgoing(-1)
    answers = Answers(fleet, outgoing, Publisher(fleet, outgoing), locked=False)
    with monkeypatch.context() as refusing:
        no_more_threads(refusing)
        answers.take({"id": 1, "do": "warm", "spec": "python3"})

    answers.take({"id": 2, "do": "warm", "spec": "python3"})

    eventually(lambda: len(outgoing._lines) == 2)
    refused, done = map(json.loads, outgoing._lines)
    assert "cannot start a thread" in refused["error"]["text"]
    assert done == {"id": 2, "result": None}


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "do"},
        {"do": "do", "verb": "KILL", "target": 7},
        {"do": "do", "verb": "TELEPORT", "target": {}},
        {"do": "do", "verb": ["KILL"]},
        {"do": "shutdown_all", "targets": 1},
        {"do": "frame_names", "thread": "x"},
        {"do": "processes", "opened": [1]},
        {"do": "complete", "cursor_pos": []},
        {"do": "answer", "prompt": "yes"},
        {"do": "note_told", "notice": {}},
        {"do": "info", "kernel": 5},
        {"do": "fly"},
    ],
    ids=repr,
)
def test_a_request_of_another_shape_gets_an_error(
    client: Client, fleet: FakeFleet, request_: Message
) -> None:
    client.send({"id": 3, **request_})

    error = client.reply(3)["error"]

    assert error["kind"] == "KernelError"
    assert error["text"]
    assert fleet.verbs == []


@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff", b"0" * 2_000], ids=len)
def test_what_is_no_request_ends_the_agent(
    fleet: FakeFleet, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines.LineBuffer.__init__, "__defaults__", (1_000,))
    with closing(Client(fleet)) as client:
        client.send(line)

        client.wait_for_the_end()


def test_an_empty_message_says_only_that_the_other_side_is_there(client: Client) -> None:
    client.send({}, {"id": 1, "do": "set"})

    assert client.reply(1) == {"id": 1, "result": None}


def test_it_ends_when_the_other_side_has_hung_up(client: Client) -> None:
    client.hang_up()

    client.wait_for_the_end()


def test_it_ends_when_the_other_side_is_silent(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SILENCE", 0.1)

    with closing(Client(fleet)) as client:
        client.wait_for_the_end()


def test_too_many_requests_at_a_time_are_refused(
    client: Client, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(fleet, "stack", lambda _kernel_id: free.wait())

    client.send(*({"id": number, "do": "stack", "kernel": "k1"} for number in range(65)))

    assert client.reply(64)["error"]["kind"] == "ActionRefused"
    free.set()


def test_a_configuration_that_forbids_requests_cannot_be_overruled(fleet: FakeFleet) -> None:
    fleet.locked = True

    with closing(Client(fleet)) as client:
        client.send({"id": 1, "do": "set", "locked": False})
        client.reply(1)

    assert fleet.locked


def test_what_changes_while_the_link_is_full_is_one_change_later(
    client: Client, fleet: FakeFleet
) -> None:
    there = fleet.transcripts["k1"] = Transcript()
    client.send({"id": 1, "do": "follow", "output": ["k1"], "messages": []})
    client.reply(1)
    for number in range(50):  # 5 MB: far more than a pipe holds
        there.write(Role.STDOUT, f"{number} {'x' * 1_000}\n" * 100, time=float(number))
        fleet.snapshots = (snapshot("k1", KernelState.BUSY, executions=number),)
    fleet.notices.append(Notice("warning", "the end"))

    size = 0
    while "notices" not in (message := client.next()):
        size += len(json.dumps(message))

    assert size < 2_000_000


def test_output_waits_until_the_output_before_was_seen(client: Client, fleet: FakeFleet) -> None:
    there = fleet.transcripts["k1"] = Transcript()
    there.write(Role.STDOUT, "one\n", time=1.0)
    client.send({"do": "follow", "output": ["k1"], "messages": []})
    number = client.news("number")

    there.write(Role.STDOUT, "two\n", time=1.0)
    fleet.notices.append(Notice("warning", "not behind it"))
    before: list[Message] = []
    while "notices" not in (message := client.next()):
        before.append(message)
    client.send({"do": "seen", "number": number})

    assert not any("change" in each for each in before)
    assert client.news("change")["tail"][0]["lines"] == [[["two"]]]


def test_a_kernel_is_gone_only_after_its_last_output(client: Client, fleet: FakeFleet) -> None:
    there = fleet.transcripts["k1"] = Transcript()
    there.mark_open(True)
    there.write(Role.STDOUT, "first words\n", time=1.0)
    client.send({"do": "follow", "output": ["k1"], "messages": []})
    number = client.news("number")

    fleet.snapshots, fleet.transcripts = (), {}
    there.write(Role.STDOUT, "last words\n", time=1.0)
    there.mark_open(False)
    fleet.notices.append(Notice("warning", "not behind it"))
    before: list[Message] = []
    while "notices" not in (message := client.next()):
        before.append(message)
    assert not any(each.get("order") == [] for each in before)

    client.send({"do": "seen", "number": number})
    after: list[Message] = []
    while "order" not in (message := client.next()):
        after.append(message)

    assert message["order"] == []
    assert [each["change"]["open"] for each in after if "change" in each] == [False]


def test_of_a_flood_less_is_sent_over_a_link_that_is_slow(
    client: Client, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "SOON", 0.0)
    there = fleet.transcripts["k1"] = Transcript()
    client.send({"do": "follow", "output": ["k1"], "messages": []})
    sizes = []

    for _ in range(5):
        there.write(Role.STDOUT, f"{'x' * 100}\n" * 5_000, time=1.0)
        while "number" not in (message := client.next()):
            pass
        sizes.append(len(json.dumps(message)))
        client.send({"do": "seen", "number": message["number"]})

    assert sizes[-1] < sizes[0] / 3


def test_a_log_is_sent_before_the_reply_that_there_is_one(client: Client, fleet: FakeFleet) -> None:
    log = fleet.logs["k1"] = Transcript()
    log.write(Role.STDERR, "one\n", time=1.0)
    client.send({"id": 5, "do": "log", "kernel": "k1"})

    assert client.news("change")["tail"]
    assert client.reply(5)["result"] is True


def test_the_log_of_a_kernel_that_comes_back_is_sent_from_its_beginning(
    client: Client, fleet: FakeFleet
) -> None:
    log = fleet.logs["k1"] = Transcript()
    log.write(Role.STDERR, "one\n", time=1.0)
    client.news("order")
    client.send({"id": 5, "do": "log", "kernel": "k1"})
    client.reply(5)
    rows = fleet.snapshots
    fleet.snapshots = ()
    client.news("order")
    fleet.snapshots = rows
    client.news("order")
    log.write(Role.STDERR, "two\n", time=2.0)

    client.send({"id": 6, "do": "log", "kernel": "k1"})

    assert client.news("change")["kept"] == [0, 0]


def test_an_idle_agent_follows_no_output(client: Client, fleet: FakeFleet) -> None:
    asked: list[str] = []
    fleet.transcript = asked.append  # type: ignore[method-assign, assignment]  # only counted
    client.send({"id": 1, "do": "set"})
    client.reply(1)

    client.send({"id": 2, "do": "follow", "output": ["k1"], "messages": []})

    eventually(lambda: asked)
    assert set(asked) == {"k1"}
