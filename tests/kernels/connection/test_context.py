"""A script ends or replaces a context, and no other kernel is harmed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import zmq

from kerneltui import BlockingKernelClient, KernelManager, MultiKernelManager
from kerneltui.kernels.connection.context import ContextOwner
from kerneltui.kernels.connection.sockets import default_context
from tests.clients import connected
from tests.fake_kernel import FakeKernel
from tests.support import PATIENCE

OWNERS = [KernelManager, BlockingKernelClient, MultiKernelManager]


@pytest.mark.parametrize("end", ["destroy", "term", "__del__"])
def test_ending_one_context_ends_no_others(fake: FakeKernel, end: str) -> None:
    with connected(fake) as client:
        client.wait_for_ready(timeout=PATIENCE)
        manager = KernelManager()

        getattr(manager.context, end)()

        assert (
            client.kernel_info(reply=True, timeout=PATIENCE)["content"]["implementation"] == "fake"
        )


def test_ending_a_context_closes_what_was_made_by_it() -> None:
    one, other = KernelManager(), KernelManager()
    socket, others = one.context.socket(zmq.PAIR), other.context.socket(zmq.PAIR)

    one.context.destroy(linger=0)

    assert (socket.closed, others.closed) == (True, False)
    others.close()


def test_leaving_a_context_ends_it_alone() -> None:
    manager = KernelManager()

    with manager.context as context:
        pass

    assert (context.closed, default_context().closed) == (True, False)


@pytest.mark.parametrize("owner", OWNERS)
def test_a_context_that_was_ended_opens_again_with_its_next_socket(
    owner: Callable[[], ContextOwner],
) -> None:
    made = owner()

    made.context.destroy()

    assert made.context.closed
    made.context.socket(zmq.PAIR).close()
    assert not made.context.closed


@pytest.mark.parametrize("owner", OWNERS)
def test_a_context_is_the_same_each_time(owner: Callable[[], ContextOwner]) -> None:
    made = owner()

    assert made.context is made.context


@pytest.mark.parametrize("owner", OWNERS)
def test_a_context_can_be_set(owner: Callable[[], ContextOwner]) -> None:
    made = owner()

    with zmq.Context() as own:
        made.context = own
        assert made.context is own


def test_clients_and_kernels_take_the_context_that_was_set() -> None:
    manager, kernels = KernelManager(), MultiKernelManager()

    with zmq.Context() as own:
        manager.context = kernels.context = own
        contexts = manager.client().context, kernels._new_manager("python3", "k").context

    assert contexts == (own, own)


FORKS = """
import os
from kerneltui import KernelManager
manager = KernelManager()
parents = manager.context.underlying
if not os.fork():
    os._exit(manager.context.underlying == parents)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_forked_process_has_a_context_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKS], timeout=60, check=False)

    assert done.returncode == 0
