"""What a function takes as one TypedDict, its signature names; a config gives arguments too."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, TypedDict, Unpack

import pytest
from traitlets.config import Config

from kerneltui import (
    BlockingKernelClient,
    KernelManager,
    KernelSpecManager,
    MultiKernelManager,
    Session,
)
from kerneltui.arguments import Settings, spelled_out
from kerneltui.kernels.connection.arguments import DEFAULTS
from kerneltui.kernels.management.manager import SHUTDOWN_WAIT_TIME


class Size(TypedDict, total=False):
    width: Annotated[int, 80]
    height: Annotated[int | None, None]


@spelled_out(Size)
def resize(name: str, *, force: bool = False, **size: Unpack[Size]) -> object:
    return name, force, size


def test_a_signature_names_each_argument_with_its_default() -> None:
    parameters = inspect.signature(resize).parameters

    assert {name: each.default for name, each in parameters.items() if name != "name"} == {
        "force": False,
        "width": 80,
        "height": None,
    }


@pytest.mark.parametrize("kind", [KernelManager, BlockingKernelClient])
def test_who_looks_up_how_to_reach_a_kernel_finds_all_names(kind: type) -> None:
    parameters = inspect.signature(kind).parameters

    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS


PATIENT: Settings = {"KernelManager": {"shutdown_wait_time": 7.0}}


class Application:
    """What hands its configuration on, as the `parent` of what it makes."""

    config = PATIENT


KINDS = [KernelManager, MultiKernelManager, KernelSpecManager, BlockingKernelClient]


class Patient(KernelManager):
    pass


@pytest.mark.parametrize(
    "given",
    [{"config": PATIENT}, {"parent": Application()}],
    ids=["config", "parent"],
)
def test_a_config_says_what_is_not_given(given: dict[str, Any]) -> None:
    assert KernelManager(**given).shutdown_wait_time == 7
    assert KernelManager(**given, shutdown_wait_time=1).shutdown_wait_time == 1


def test_what_a_config_says_of_a_class_comes_before_what_it_says_of_those_above() -> None:
    of_both: Settings = {
        "ConnectionFileMixin": {"transport": "ipc"},
        "Patient": {"shutdown_wait_time": 8.0},
    }
    manager = Patient(config={**PATIENT, **of_both})

    assert (manager.shutdown_wait_time, manager.transport) == (8, "ipc")


def test_a_config_of_other_programs_says_nothing() -> None:
    manager = KernelManager(config=Config({"JupyterApp": {"log_level": 10}}))

    assert manager.shutdown_wait_time == SHUTDOWN_WAIT_TIME


@pytest.mark.parametrize("kind", KINDS)
def test_a_config_that_cannot_be_applied_is_refused(kind: type) -> None:
    config = Config({kind.__name__: {"cache_ports": False}})

    with pytest.raises(TypeError, match=rf"config.{kind.__name__} got an unknown argument 'cache_"):
        kind(config=config)


def test_a_config_is_handed_down_to_all_that_is_made() -> None:
    kernels = MultiKernelManager(
        config={
            "KernelSpecManager": {"ensure_native_kernel": False},
            "KernelManager": {"shutdown_wait_time": 7.0},
            "Session": {"username": "ana"},
        }
    )
    manager, _, _ = kernels.pre_start_kernel(None, {})

    assert not kernels.kernel_spec_manager.ensure_native_kernel
    assert manager.shutdown_wait_time == 7
    assert manager.client().session.username == "ana"


def test_a_config_says_the_key_and_the_user_of_managers_and_clients() -> None:
    config = Config({"Session": {"key": "secret", "username": "ana"}})

    manager, client = KernelManager(config=config), BlockingKernelClient(config=config)

    for each in (manager, client, manager.client()):
        assert (each.key, each.session.username) == (b"secret", "ana")
    given = Session(key=b"given", config=config)
    assert (given.key, given.username) == (b"given", "ana")


@pytest.mark.parametrize("kind", [KernelManager, BlockingKernelClient, Session])
def test_what_a_session_does_not_have_is_refused(kind: type) -> None:
    with pytest.raises(TypeError, match=r"config.Session got an unknown argument 'packer'; known:"):
        kind(config=Config({"Session": {"packer": "pickle"}}))
