"""Many kernels, each by its id."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from kerneltui.errors import DuplicateKernel, KernelError, LaunchError, NoSuchKernel
from kerneltui.kernels.management.launch_plan import StartArguments
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.management.multi import MultiKernelManager
from kerneltui.kernels.processes.lifecycle import Listener
from kerneltui.protocol.status import Event, Wanted
from tests.children import Children
from tests.support import PATIENCE, Background, eventually

Make = Callable[..., MultiKernelManager]


@pytest.fixture
def make(children: Children) -> Iterator[Make]:
    made: list[MultiKernelManager] = []

    def make(script: str, **arguments: Any) -> MultiKernelManager:
        specs = children.specs(script)
        arguments = {"autorestart": False, "default_kernel_name": "child", **arguments}
        made.append(MultiKernelManager(kernel_spec_manager=specs, **arguments))
        return made[-1]

    yield make
    for kernels in made:
        kernels.shutdown_all(now=True)


def once(manager: KernelManager, action: Callable[[], object]) -> Listener:
    """Return a listener that acts on the first event only."""

    def listener(_event: Event) -> None:
        manager.life.remove_listener(listener)
        action()

    return listener


def test_a_kernel_is_known_by_the_id_it_was_given(make: Make) -> None:
    kernels = make("waits")

    kernel_id = kernels.start_kernel()

    assert kernels.list_kernel_ids() == [kernel_id]
    assert kernel_id in kernels
    assert len(kernels) == 1
    assert kernels.get_kernel(kernel_id).kernel_id == kernel_id
    assert kernels.is_alive(kernel_id)


def test_a_kernel_is_started_by_name_and_with_a_picked_id(make: Make) -> None:
    kernels = make("waits", default_kernel_name="other")

    assert kernels.start_kernel("child", kernel_id="mine") == "mine"


def test_a_restart_that_comes_during_a_shutdown_keeps_the_kernel(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()
    manager = kernels.get_kernel(kernel_id)
    monkeypatch.setattr(
        manager, "cleanup_resources", lambda _restart: manager.life.order(Wanted.RESTART)
    )

    kernels.shutdown_kernel(kernel_id)

    assert kernel_id in kernels


def test_a_picked_id_that_is_in_use_is_refused(make: Make) -> None:
    kernels = make("waits")
    kernels.start_kernel(kernel_id="mine")

    with pytest.raises(DuplicateKernel, match="kernel id 'mine' is already in use"):
        kernels.start_kernel(kernel_id="mine")

    assert len(kernels) == 1


def test_a_kernel_that_did_not_start_is_not_listed_and_its_id_is_free(make: Make) -> None:
    kernels = make("waits")
    with pytest.raises(LaunchError):
        kernels.start_kernel(kernel_id="mine", cwd="/no/such/folder")

    kernels.start_kernel(kernel_id="mine")

    assert kernels.list_kernel_ids() == ["mine"]


VERBS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("get_kernel", (), {}),
    ("shutdown_kernel", (), {}),
    ("restart_kernel", (), {}),
    ("interrupt_kernel", (), {}),
    ("signal_kernel", (signal.SIGTERM,), {}),
    ("is_alive", (), {}),
    ("get_connection_info", (), {}),
    ("cleanup_resources", (), {}),
    ("add_restart_callback", (print,), {}),
    ("remove_restart_callback", (print,), {}),
    ("connect_iopub", (), {}),
    ("connect_shell", (), {}),
    ("connect_control", (), {}),
    ("connect_stdin", (), {}),
    ("connect_hb", (), {}),
]


@pytest.mark.parametrize(("verb", "arguments", "more"), VERBS, ids=[verb for verb, *_ in VERBS])
def test_an_unknown_id_is_a_key_error_that_names_it(
    verb: str, arguments: tuple[Any, ...], more: dict[str, Any]
) -> None:
    with pytest.raises(NoSuchKernel, match="no kernel with id 'x'") as caught:
        getattr(MultiKernelManager(), verb)("x", *arguments, **more)

    assert isinstance(caught.value, KeyError)
    assert caught.value.name == "x"


def test_to_remove_an_unknown_kernel_is_to_do_nothing() -> None:
    assert MultiKernelManager().remove_kernel("x") is None


def test_the_environment_of_an_unknown_kernel_cannot_be_updated() -> None:
    with pytest.raises(NoSuchKernel):
        MultiKernelManager().update_env(kernel_id="x", env={})


def test_a_kernel_that_is_removed_goes_on_with_its_manager(make: Make) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()

    manager = kernels.remove_kernel(kernel_id)

    assert manager is not None
    assert kernel_id not in kernels
    assert manager.is_alive()
    manager.shutdown_kernel(now=True)


def test_a_kernel_that_was_shut_down_is_forgotten(make: Make) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()

    kernels.shutdown_kernel(kernel_id, now=True)

    assert kernels.list_kernel_ids() == []


def test_a_shutdown_that_is_half_a_restart_keeps_the_kernel_listed(make: Make) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()

    kernels.shutdown_kernel(kernel_id, now=True, restart=True)

    assert kernel_id in kernels


def test_all_are_shut_down_at_once(make: Make) -> None:
    kernels = make("waits")
    managers = [kernels.get_kernel(kernels.start_kernel()) for _ in range(3)]
    together = threading.Barrier(3)
    for manager in managers:
        manager.life.add_listener(once(manager, lambda: together.wait(PATIENCE)))

    # Each waits in its own shutdown until all three are in theirs.
    kernels.shutdown_all(now=True)

    assert not together.broken

    assert len(kernels) == 0
    assert not any(manager.is_alive() for manager in managers)


def test_one_that_cannot_be_shut_down_does_not_spare_the_others(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = make("waits")
    stuck = kernels.get_kernel(kernels.start_kernel(kernel_id="stuck"))
    other = kernels.get_kernel(kernels.start_kernel())

    def refuse(**_arguments: object) -> None:
        raise KernelError("stuck")

    with monkeypatch.context() as patch:
        patch.setattr(stuck, "shutdown_kernel", refuse)
        with pytest.raises(ExceptionGroup, match="1 kernel did not shut down") as caught:
            kernels.shutdown_all(now=True)

    assert [str(error) for error in caught.value.exceptions] == ["stuck"]
    assert not other.is_alive()
    assert kernels.list_kernel_ids() == ["stuck"]


def test_a_kernel_that_is_being_started_is_shut_down_with_all(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = make("waits")
    starts, may_start, waits = threading.Event(), threading.Event(), threading.Event()
    start, wait_for = KernelManager.start_kernel, kernels._started.wait_for

    def start_later(manager: KernelManager, **kwargs: Any) -> None:
        starts.set()
        assert may_start.wait(PATIENCE)
        start(manager, **kwargs)

    def tell_and_wait_for(is_over: Callable[[], bool]) -> None:
        waits.set()
        wait_for(is_over)

    monkeypatch.setattr(KernelManager, "start_kernel", start_later)
    monkeypatch.setattr(kernels._started, "wait_for", tell_and_wait_for)
    starting = Background(kernels.start_kernel)
    assert starts.wait(PATIENCE)
    shutting_down = Background(lambda: kernels.shutdown_all(now=True))
    assert waits.wait(PATIENCE)

    may_start.set()
    starting.result()
    shutting_down.result()

    assert kernels.list_kernel_ids() == []


def test_shutting_down_none_is_fine() -> None:
    MultiKernelManager().shutdown_all()


def test_verbs_reach_the_kernel(make: Make, children: Children) -> None:
    kernels = make("reports")
    with (children.folder / "said").open("ab") as file:
        kernel_id = kernels.start_kernel(stdout=file)
        children.hear("ready")

        kernels.interrupt_kernel(kernel_id)
        children.hear("SIGINT")
        kernels.signal_kernel(kernel_id, signal.SIGUSR1)
        children.hear("SIGUSR1")
        kernels.update_env(kernel_id=kernel_id, env={"A": "1"})
        kernels.restart_kernel(kernel_id, now=True)
        children.hear("ready", count=2)

    assert kernels.get_connection_info(kernel_id)["shell_port"] > 0


def test_connect_returns_a_socket(make: Make) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()

    with kernels.connect_iopub(kernel_id) as socket:
        assert socket.type == zmq.SUB


def test_a_kernel_that_dies_is_restarted_where_that_is_wanted(
    make: Make,
) -> None:
    kernels = make("waits", autorestart=True)
    kernel_id = kernels.start_kernel()
    restarted = threading.Event()
    kernels.add_restart_callback(kernel_id, restarted.set)
    manager = kernels.get_kernel(kernel_id)
    assert manager.process is not None

    os.kill(manager.process.identity.pid, signal.SIGKILL)

    assert restarted.wait(PATIENCE)
    eventually(lambda: manager.spawns == 2)


def test_connection_files_lie_where_they_are_wanted(make: Make, tmp_path: Path) -> None:
    kernels = make("waits", connection_dir=str(tmp_path))

    kernels.start_kernel(kernel_id="mine")

    assert (tmp_path / "kernel-mine.json").exists()


def test_the_factory_makes_the_managers(make: Make) -> None:
    class MyManager(KernelManager):
        pass

    kernels = make("waits", kernel_manager_factory=MyManager)

    assert isinstance(kernels.get_kernel(kernels.start_kernel()), MyManager)


def test_a_shared_context_reaches_every_manager(make: Make) -> None:
    with zmq.Context() as context:
        kernels = make("waits", context=context)
        kernel_id = kernels.start_kernel()

        assert kernels.get_kernel(kernel_id).context is context
        kernels.shutdown_all(now=True)


def test_many_threads_may_start_kernels(make: Make) -> None:
    kernels = make("waits")

    starts = [Background(kernels.start_kernel) for _ in range(4)]

    assert {start.result() for start in starts} == set(kernels.list_kernel_ids())


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'shared_context'; known: autorestart, "):
        MultiKernelManager(shared_context=True)


class Own(KernelManager):
    pass


class Owning(MultiKernelManager):
    kernel_manager_class = Own


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_manager_class": Own},
        {"kernel_manager_class": f"{__name__}.Own"},
        {"kernel_manager_factory": Own},
    ],
)
def test_a_kernels_manager_is_of_the_class_wanted(make: Make, arguments: dict[str, Any]) -> None:
    kernels = make("waits", **arguments)

    assert type(kernels.get_kernel(kernels.start_kernel())) is Own


def test_a_subclass_says_of_which_class_its_managers_are() -> None:
    assert Owning().kernel_manager_factory is Own


def test_the_class_set_last_holds(make: Make) -> None:
    kernels = make("waits", kernel_manager_factory=KernelManager)
    assert kernels.kernel_manager_class == "kerneltui.KernelManager"

    kernels.kernel_manager_class = Own

    assert kernels.kernel_manager_factory is Own


def test_a_subclass_prepares_each_kernel(children: Children) -> None:
    class Preparing(MultiKernelManager):
        def pre_start_kernel(
            self, kernel_name: str | None, kwargs: StartArguments
        ) -> tuple[KernelManager, str, str]:
            manager, name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
            manager.kernel_spec.env["A"] = "prepared"
            return manager, name, f"my-{kernel_id}"

    kernels = Preparing(default_kernel_name="child", kernel_spec_manager=children.specs("waits"))

    kernel_id = kernels.start_kernel(kernel_id="k")

    assert kernel_id == "my-k"
    assert kernels.get_kernel(kernel_id).kernel_spec.env == {"A": "prepared"}
    kernels.shutdown_all(now=True)


def test_a_kernel_can_be_asked_to_end_and_waited_for_by_its_id(make: Make) -> None:
    kernels = make("waits")
    kernel_id = kernels.start_kernel()

    kernels.request_shutdown(kernel_id)
    kernels.finish_shutdown(kernel_id, waittime=0.1)

    assert not kernels.is_alive(kernel_id)
