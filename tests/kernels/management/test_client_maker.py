"""A manager's clients are of the class that its user wants."""

from __future__ import annotations

import logging

import pytest

import kerneltui
from kerneltui import BlockingKernelClient, KernelManager


class OwnClient(BlockingKernelClient):
    pass


class OtherClient(BlockingKernelClient):
    pass


class ByClass(KernelManager):
    client_class = OwnClient


class ByName(KernelManager):
    client_class = f"{__name__}.OwnClient"


class ByFactory(KernelManager):
    client_factory = OwnClient


def test_by_default_it_is_named_as_in_the_field() -> None:
    manager = KernelManager()

    assert manager.client_class == "kerneltui.BlockingKernelClient"
    assert manager.client_factory is BlockingKernelClient
    assert type(manager.client()) is BlockingKernelClient


def test_a_client_has_the_keys_of_a_kernel_that_is_not_started() -> None:
    manager = KernelManager(curve_publickey=b"a" * 40, curve_secretkey=b"b" * 40)

    client = manager.client()

    assert client.session.key == manager.session.key
    assert (client.curve_publickey, client.curve_secretkey) == (b"a" * 40, b"b" * 40)


def test_a_client_can_be_had_before_an_ipc_kernel_has_an_address() -> None:
    manager = KernelManager(transport="ipc")

    assert not any(manager.client().ports)


@pytest.mark.parametrize("kind", [ByClass, ByName, ByFactory])
def test_a_subclass_says_it_for_all_of_its_own(kind: type[KernelManager]) -> None:
    assert type(kind().client()) is OwnClient


@pytest.mark.parametrize(
    "manager",
    [
        KernelManager(client_class=OwnClient),
        KernelManager(client_class=f"{__name__}.OwnClient"),
        KernelManager(client_factory=OwnClient),
        ByFactory(client_factory=OwnClient),
    ],
)
def test_an_argument_says_it_for_one(manager: KernelManager) -> None:
    assert type(manager.client()) is OwnClient


def test_what_was_set_last_holds() -> None:
    manager = KernelManager(client_factory=OtherClient)

    manager.client_class = OwnClient

    assert manager.client_factory is OwnClient


@pytest.mark.parametrize(
    "owner",
    [
        kerneltui.KernelManager,
        kerneltui.MultiKernelManager,
        kerneltui.KernelSpecManager,
        kerneltui.BlockingKernelClient,
    ],
)
def test_each_has_a_log_and_may_be_given_another(owner: type) -> None:
    made = owner()
    assert made.log is logging.getLogger("kerneltui")

    made.log = logging.getLogger("mine")

    assert made.log.name == "mine"


def test_a_client_reaches_a_kernel_that_listens_everywhere() -> None:
    manager = KernelManager(shell_port=5001)

    manager.ip = "*"

    assert (manager.ip, manager.client().ip) == ("0.0.0.0", "0.0.0.0")
