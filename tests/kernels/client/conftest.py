"""Every test of a client runs over the kernel's own sockets, and over a relay of a websocket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.kernels.gateway.relay import Relay
from tests.fake_kernel import FakeKernel, file_in
from tests.kernel_gateway import KernelGateway
from tests.support import PATIENCE

WELCOMED = "a relay welcomes every client itself, so that iopub is proven at once"
VERIFIED = "the server has verified what it passes on"
BEATING = "a relay answers heartbeats itself, as long as the server is there"
COMPLETE = "a relay offers every channel"

LOCAL_ONLY = {
    "test_a_client_that_is_used_at_once_opens_what_the_kernel_has": COMPLETE,
    "test_a_kernel_without_a_control_port_is_asked_on_the_others": COMPLETE,
    "test_a_control_channel_without_a_port_is_refused": COMPLETE,
    "test_a_heart_that_is_silent_for_its_time_does_not_beat": BEATING,
    "test_a_client_without_a_manager_lives_as_long_as_the_heart_beats": BEATING,
    "test_a_message_that_cannot_be_believed_is_counted_and_passed_over": VERIFIED,
    "test_a_kernel_of_ours_is_asked_to_welcome_a_topic_of_the_clients_own": WELCOMED,
    "test_a_second_client_is_ready_though_nobody_welcomes_it": WELCOMED,
    "test_a_strangers_kernel_gets_no_topic_of_ours": WELCOMED,
    "test_the_request_is_repeated_while_iopub_is_silent": WELCOMED,
    "test_a_silent_iopub_is_a_timeout": WELCOMED,
    "test_the_request_is_repeated_while_others_are_heard": WELCOMED,
    "test_neither_requests_nor_answers_of_the_wait_are_seen_by_the_user": WELCOMED,
    "test_a_welcome_is_never_passed_on": WELCOMED,
}
"""The tests of what a client over a relay cannot meet, and why."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fake" in metafunc.fixturenames:
        ways = ["local"] if metafunc.function.__name__ in LOCAL_ONLY else ["local", "relay"]
        metafunc.parametrize("fake", ways, indirect=True)


@pytest.fixture
def fake(request: pytest.FixtureRequest, short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        if request.param == "local":
            yield fake
            return
        with KernelGateway(fake.info) as gateway:
            relay = Relay(gateway, "fake")
            relay.start()
            relay.wait_open(timeout=PATIENCE)
            fake.offered = relay.info
            yield fake
            relay.close()
