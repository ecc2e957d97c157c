"""All that a client of ours says and hears is kept, but for what nobody may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from kerneltui.fleet.console.conversation import Conversation
from kerneltui.fleet.model.masking import MASK
from kerneltui.fleet.monitoring.message_log import MessageLog, MessageRecord
from kerneltui.fleet.monitoring.subscription import IopubSubscription
from kerneltui.fleet.transcript.transcript import Transcript
from kerneltui.kernels.connection.sockets import default_context
from kerneltui.protocol.message import execute_content
from kerneltui.protocol.wire import new_msg_id
from tests.fake_kernel import Ask, FakeKernel
from tests.fleet.stage import Kernel
from tests.support import eventually


class Tapped:
    """A conversation with a FakeKernel, and the log of its messages."""

    def __init__(self, fake: FakeKernel) -> None:
        self.fake = fake
        self.kernel = Kernel(fake.info)
        self.kernel.spawn()
        self.log = MessageLog()
        self.conversation = Conversation(
            self.kernel.manager, lambda _: None, lambda *_: None, self.log
        )

    def listen_until(self, is_there: Callable[[], object]) -> None:
        def look() -> object:
            self.conversation.listen()
            return is_there()

        eventually(look)

    def find(self, msg_type: str) -> list[MessageRecord]:
        return [each for each in self.log.view().records if each.msg_type == msg_type]

    def ask_for_input(self, *, password: bool) -> None:
        """Run a cell that asks for something, and answer it."""
        self.fake.cells["ask"] = [Ask("word? ", password)]
        self.conversation.execute("ask", execute_content("ask"), new_msg_id())
        self.listen_until(lambda: self.conversation.prompt)
        self.conversation.answer("hunter2")


@pytest.fixture
def tapped(fake: FakeKernel) -> Iterator[Tapped]:
    tapped = Tapped(fake)
    yield tapped
    tapped.conversation.abandon("the test is over")
    tapped.kernel.__exit__()


@pytest.mark.parametrize(("password", "kept"), [(True, MASK), (False, "hunter2")])
def test_a_password_is_masked_and_another_answer_is_not(
    tapped: Tapped, password: bool, kept: str
) -> None:
    tapped.ask_for_input(password=password)

    (record,) = tapped.find("input_reply")
    assert json.loads(record.parts[3]) == {"value": kept}


def test_what_is_asked_on_stdin_is_kept(tapped: Tapped) -> None:
    tapped.ask_for_input(password=False)

    (record,) = tapped.find("input_request")
    assert (record.channel, record.sent) == ("stdin", False)


def test_a_reply_is_told_with_its_latency(tapped: Tapped) -> None:
    tapped.conversation.execute("1", execute_content("1"), new_msg_id())
    tapped.listen_until(lambda: tapped.find("execute_reply"))

    (record,) = tapped.find("execute_reply")
    assert record.latency is not None


def test_a_forged_reply_is_counted_and_not_kept(tapped: Tapped) -> None:
    tapped.conversation.execute("1", execute_content("1"), new_msg_id())
    tapped.listen_until(lambda: tapped.find("execute_reply"))
    forged = tapped.fake.session.encode(tapped.fake.session.new_message("execute_reply"))
    forged[1] = b"0" * 64
    tapped.fake.reply_frames(forged)

    tapped.listen_until(lambda: tapped.log.view().refused)

    assert tapped.log.view().refused == {"InvalidSignature": 1}
    assert len(tapped.find("execute_reply")) == 1


def test_a_forged_broadcast_is_counted_and_not_kept(voice: FakeKernel) -> None:
    with Kernel(voice.info) as kernel:
        kernel.spawn()
        subscription = IopubSubscription(kernel.manager, Transcript())
        subscription.open(default_context(), voice.info, kernel.manager.spawns)
        voice.wait_for_listener()
        forged = voice.frames("stream", {"name": "stdout", "text": "x"})
        forged[2] = b"0" * 64
        voice.publish_frames(forged)

        eventually(lambda: subscription.listen() or subscription.facts.refused)

        assert subscription.messages.view().refused == {"InvalidSignature": 1}
        assert subscription.messages.view().records == ()
        subscription.close()
