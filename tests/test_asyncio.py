"""The library's asyncio face: verbs are awaited, a cancelled wait loses no message."""

from __future__ import annotations

import asyncio
import importlib
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import zmq.asyncio

from kerneltui import KernelClient, KernelManager, MultiKernelManager
from kerneltui.asyncio import (
    AsyncKernelClient,
    AsyncKernelManager,
    AsyncMultiKernelManager,
    run_kernel,
    start_new_async_kernel,
)
from kerneltui.errors import (
    ChannelNotOpen,
    KernelDied,
    KernelTimeout,
    LaunchError,
    NoSuchKernel,
    WrongThread,
)
from kerneltui.kernels.client.awaiting import Bell
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.specs.spec import KernelSpec
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.protocol.message import Message, parent_id
from tests.children import Children
from tests.fake_kernel import Ask, FakeKernel, file_in
from tests.notebooks import notebook
from tests.support import PATIENCE, Background, waits_for

T = TypeVar("T")
Use = Callable[[AsyncKernelClient], Awaitable[T]]
SAYS = ("stream", {"name": "stdout", "text": "hello\n"})


@pytest.fixture
def fake(short_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(file_in(short_path)) as fake:
        yield fake


@pytest.fixture
def children(short_path: Path) -> Iterator[Children]:
    with Children(short_path) as children:
        yield children


def in_loop(fake: FakeKernel, use: Use[T], **arguments: Any) -> T:
    """Return what is awaited with a client that is ready, in an event loop of its own."""

    async def main() -> T:
        client = AsyncKernelClient(connection_file=fake.connection_file, **arguments)
        client.load_connection_file()
        client.start_channels()
        try:
            async with asyncio.timeout(PATIENCE):
                await client.wait_for_ready(timeout=PATIENCE)
                return await use(client)
        finally:
            client.stop_channels()

    return asyncio.run(main())


def text(message: Message) -> object:
    return message["content"].get("text")


async def begun(awaitable: Awaitable[T]) -> asyncio.Future[T]:
    """Return a task that waits for what has not come yet."""
    task = asyncio.ensure_future(awaitable)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    return task


def let_arrive(client: AsyncKernelClient) -> None:
    """Return once iopub has something, before any task of the loop sees that."""
    assert client._poll_here((client.iopub_channel,), None, time.monotonic() + PATIENCE)


async def cancelled(task: asyncio.Future[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# -- messages -----------------------------------------------------------------------


def test_a_request_returns_its_id_at_once_or_a_reply_to_await(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        msg_id = client.execute("1")
        others = client.execute("2")
        reply = await client.execute("3", reply=True, timeout=PATIENCE)

        assert parent_id(await client.get_reply(msg_id, timeout=PATIENCE)) == msg_id
        assert parent_id(await client._async_recv_reply(others, timeout=PATIENCE)) == others
        assert reply["content"] == {"status": "ok", "execution_count": 3}

    in_loop(fake, use)


def test_nothing_in_time_is_an_empty_queue_and_a_timeout(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        with pytest.raises(queue.Empty):
            await client.get_shell_msg(timeout=0.01)
        with pytest.raises(TimeoutError):
            await client.iopub_channel.get_msg(timeout=0.01)

    in_loop(fake, use)


def test_tasks_wait_on_several_channels_at_once(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        iopub = await begun(client.get_iopub_msg())
        shell = await begun(client.shell_channel.get_msg(timeout=PATIENCE))

        msg_id = client.execute("1")

        assert parent_id(await shell) == msg_id
        assert parent_id(await iopub) == msg_id

    in_loop(fake, use)


def test_each_task_gets_the_reply_to_its_own_request(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        fake.hold("execute_request")
        waiting = [await begun(client.execute(code, reply=True)) for code in "abc"]
        asked = [fake.wait_for("execute_request", count=count) for count in (1, 2, 3)]

        for request in reversed(asked):
            fake.reply("execute_reply", {"status": "ok"}, request)

        replies = await asyncio.gather(*waiting)
        assert [parent_id(each) for each in replies] == [each["msg_id"] for each in asked]

    in_loop(fake, use)


def test_two_cells_at_once_show_each_its_own_output(fake: FakeKernel) -> None:
    fake.cells = {code: [("stream", {"text": code})] for code in "ab"}

    async def use(client: AsyncKernelClient) -> None:
        seen: dict[str, list[Message]] = {"a": [], "b": []}

        async def run(code: str) -> None:
            await client.execute_interactive(code, timeout=PATIENCE, output_hook=seen[code].append)

        await asyncio.gather(run("a"), run("b"))
        assert [[text(each) for each in seen[code] if text(each)] for code in "ab"] == [
            ["a"],
            ["b"],
        ]

    in_loop(fake, use)


def test_a_flood_leaves_the_loop_to_others(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> int:
        for _ in range(100):
            fake.publish(*SAYS)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        for _ in range(100):
            await client.get_iopub_msg(timeout=PATIENCE)
        await cancelled(task)
        return turns

    assert in_loop(fake, use) >= 100


# -- cancelled ----------------------------------------------------------------------


def test_a_wait_that_is_cancelled_takes_no_message(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> object:
        await cancelled(await begun(client.get_iopub_msg()))
        fake.publish(*SAYS)
        return text(await client.get_iopub_msg(timeout=PATIENCE))

    assert in_loop(fake, use) == "hello\n"


@pytest.mark.parametrize("is_woken", [False, True])
def test_a_message_that_came_just_before_the_cancellation_is_kept(
    fake: FakeKernel, is_woken: bool
) -> None:
    async def use(client: AsyncKernelClient) -> object:
        waiting = await begun(client.get_iopub_msg())
        fake.publish(*SAYS)
        let_arrive(client)
        if is_woken:
            client._bell.ring()
        await cancelled(waiting)
        return text(await client.get_iopub_msg(timeout=PATIENCE))

    assert in_loop(fake, use) == "hello\n"


def test_a_message_is_for_who_still_waits_when_another_is_cancelled(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> object:
        first, second = [await begun(client.get_iopub_msg()) for _ in range(2)]
        fake.publish(*SAYS)
        let_arrive(client)
        await cancelled(first)
        return text(await second)

    assert in_loop(fake, use) == "hello\n"


def test_a_reply_that_was_not_waited_for_any_more_is_there_later(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        fake.hold("execute_request")
        msg_id = client.execute("1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.get_reply(msg_id), 0.01)
        fake.release()

        assert (await client.kernel_info(reply=True, timeout=PATIENCE))["content"]["status"] == "ok"
        assert parent_id(await client.get_reply(msg_id, timeout=PATIENCE)) == msg_id

    in_loop(fake, use)


def test_a_cell_that_was_left_alone_leaves_its_reply_and_its_output(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        fake.hold("execute_request")
        cell = await begun(client.execute_interactive("1", output_hook=lambda _message: None))
        request = fake.wait_for("execute_request")
        await cancelled(cell)
        fake.publish(*SAYS, request)
        fake.reply("execute_reply", {"status": "ok"}, request)

        assert text(await client.get_iopub_msg(timeout=PATIENCE)) == "hello\n"
        reply = await client.get_reply(request["msg_id"], timeout=PATIENCE)
        assert reply["content"] == {"status": "ok"}

    in_loop(fake, use)


# -- hooks, threads, ends -----------------------------------------------------------


def test_a_prompt_is_answered_by_a_coroutine(fake: FakeKernel) -> None:
    fake.cells["ask"] = [Ask("name? ")]

    async def use(client: AsyncKernelClient) -> list[object]:
        seen: list[Message] = []

        async def answer(request: Message) -> None:
            await asyncio.sleep(0)
            client.input(request["content"]["prompt"] * 2)

        await client.execute_interactive(
            "ask", timeout=PATIENCE, output_hook=seen.append, stdin_hook=answer
        )
        return [text(each) for each in seen if text(each)]

    assert in_loop(fake, use) == ["name? name? "]


def test_hooks_run_in_the_thread_of_the_loop(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        heard: asyncio.Queue[Message] = asyncio.Queue()
        waiting = await begun(heard.get())

        await client.execute_interactive("1", timeout=PATIENCE, output_hook=heard.put_nowait)

        assert (await waiting)["content"] == {"execution_state": "busy"}

    in_loop(fake, use)


def test_another_thread_is_refused(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        with pytest.raises(WrongThread):
            await asyncio.to_thread(client.execute, "1")

    in_loop(fake, use)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_waits_is_told_that_the_channels_were_stopped(
    fake: FakeKernel, elsewhere: bool
) -> None:
    async def use(client: AsyncKernelClient) -> None:
        waiting = await begun(client.get_iopub_msg())
        if elsewhere:
            await asyncio.to_thread(client.stop_channels)
        else:
            client.stop_channels()
        with pytest.raises(ChannelNotOpen, match="the iopub channel is not open"):
            await waiting
        assert not client.channels_running

    in_loop(fake, use)


def test_another_thread_closes_no_socket_that_a_task_is_about_to_wait_for(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait, open_then = Bell.wait, list[bool]()

    async def use(client: AsyncKernelClient) -> None:
        async def wait_a_moment_later(bell: Bell, fds: list[int], deadline: float | None) -> None:
            Background(client.stop_channels).result()
            open_then.append(client.channels_running)
            await wait(bell, fds, deadline)

        monkeypatch.setattr(Bell, "wait", wait_a_moment_later)

        with pytest.raises(ChannelNotOpen, match="the iopub channel is not open"):
            await client.get_iopub_msg(timeout=PATIENCE)

    in_loop(fake, use)
    assert open_then == [True]


def test_a_client_serves_one_loop_after_another(fake: FakeKernel) -> None:
    client = AsyncKernelClient(connection_file=fake.connection_file)
    client.load_connection_file()
    client.start_channels()
    for _ in range(2):
        reply = asyncio.run(client.kernel_info(reply=True, timeout=PATIENCE))
        assert reply["content"]["implementation"] == "fake"
    client.stop_channels()


def test_a_context_for_asyncio_can_be_given(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        assert (await client.kernel_info(reply=True, timeout=PATIENCE))["content"]["status"] == "ok"

    with zmq.asyncio.Context() as context:
        in_loop(fake, use, context=context)


def test_what_is_ready_can_be_asked_and_taken(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        assert not await client.iopub_channel.msg_ready()
        fake.publish(*SAYS)
        while not await client.iopub_channel.msg_ready():  # what ends the start may come first
            let_arrive(client)
        assert [text(each) for each in await client.iopub_channel.get_msgs()] == ["hello\n"]
        client.hb_channel.time_to_dead = PATIENCE
        assert await client.is_alive()

    in_loop(fake, use)


def test_subshells_are_awaited(fake: FakeKernel) -> None:
    async def use(client: AsyncKernelClient) -> None:
        assert await client.create_subshell(timeout=PATIENCE) == "s-1"
        assert await client.list_subshells(timeout=PATIENCE) == ["s-1"]
        await client.delete_subshell("s-1", timeout=PATIENCE)

    in_loop(fake, use)


# -- managers -----------------------------------------------------------------------


def managed(children: Children, script: str = "waits") -> AsyncKernelManager:
    return AsyncKernelManager(kernel_name="child", kernel_spec_manager=children.specs(script))


def test_a_managers_verbs_are_awaited(children: Children) -> None:
    async def main() -> None:
        manager = managed(children)
        await manager.start_kernel()
        first = manager.process
        assert await manager.is_alive()
        assert manager.has_kernel
        assert manager.ready.done()
        await manager.ready
        await manager.restart_kernel(now=True)
        assert manager.process is not first
        await manager.signal_kernel(signal.SIGCONT)
        await manager.shutdown_kernel(now=True)
        assert not await manager.is_alive()

    asyncio.run(main())


LATE = """
import asyncio, threading
from kerneltui import AsyncKernelManager

def use():
    threading.main_thread().join()
    print(asyncio.run(AsyncKernelManager().is_alive()))

threading.Thread(target=use).start()
"""


def test_a_loop_that_outlives_the_main_thread_can_still_end_its_kernels() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout, done.stderr) == ("False\n", "")


def test_what_was_ready_with_an_error_raises_that_when_it_is_awaited(children: Children) -> None:
    async def main() -> None:
        manager = managed(children)
        manager.kernel_spec.argv = ["/nowhere/python"]
        with pytest.raises(LaunchError):
            await manager.start_kernel()
        assert manager.ready.done()
        with pytest.raises(LaunchError):
            await manager.ready

    asyncio.run(main())


def test_the_halves_of_a_shutdown_are_awaited(children: Children) -> None:
    async def main() -> None:
        manager = managed(children)
        argv, _ = await manager.pre_start_kernel()
        assert argv[-1] == manager.connection_file
        await manager.start_kernel()
        await manager.request_shutdown()
        await manager.finish_shutdown(waittime=0.02)
        assert not await manager.is_alive()
        await manager.cleanup_resources()

    asyncio.run(main())


def test_a_managers_attributes_are_read_and_set(children: Children) -> None:
    manager = managed(children)

    manager.shutdown_wait_time = 0.5

    assert manager.shutdown_wait_time == 0.5
    assert manager.kernel_name == "child"
    assert not manager.ipykernel


def test_what_is_awaited_is_of_the_same_kind_as_what_blocks() -> None:
    assert isinstance(AsyncKernelManager(), KernelManager)
    assert isinstance(AsyncMultiKernelManager(), MultiKernelManager)
    assert isinstance(AsyncKernelClient(), KernelClient)
    assert isinstance(BlockingKernelClient(), KernelClient)


def test_a_subclass_says_what_is_launched(children: Children) -> None:
    class Wrapping(AsyncKernelManager):
        def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
            return ["env", *super().format_kernel_cmd(extra_arguments)]

    async def main() -> None:
        manager = Wrapping(kernel_name="child", kernel_spec_manager=children.specs("waits"))
        argv, _ = await manager.pre_start_kernel()
        assert argv[0] == "env"
        await manager.cleanup_resources()

    asyncio.run(main())


def test_a_subclass_has_attributes_and_verbs_of_its_own(children: Children) -> None:
    class Counting(AsyncKernelManager):
        starts = 0

        async def start_kernel(self, **kw: Any) -> None:  # type: ignore[override]
            self.starts += 1
            await super().start_kernel(**kw)

    async def main() -> None:
        manager = Counting(kernel_name="child", kernel_spec_manager=children.specs("waits"))
        await manager.start_kernel()
        await manager.shutdown_kernel(now=True)
        assert manager.starts == 1

    asyncio.run(main())


class HeldSpecs(KernelSpecManager):
    """Has a start wait, in the thread that carries it out, until it is let go."""

    def __init__(self, specs: KernelSpecManager) -> None:
        super().__init__(kernel_dirs=specs.kernel_dirs, ensure_native_kernel=False)
        self._may_go = threading.Event()
        self.is_asked = threading.Event()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        self.is_asked.set()
        assert self._may_go.wait(PATIENCE)
        return super().get_kernel_spec(kernel_name)

    def let_go(self) -> None:
        self._may_go.set()

    async def let_go_cancelled(self, start: asyncio.Future[Any], times: int = 1) -> None:
        for _ in range(times - 1):
            start.cancel()
            await begun(start)
        asyncio.get_running_loop().call_soon(self.let_go)  # after it was cancelled
        await cancelled(start)


@pytest.mark.parametrize("times", [1, 3])
def test_a_start_that_is_cancelled_is_carried_out_first(children: Children, times: int) -> None:
    async def main() -> None:
        specs = HeldSpecs(children.specs("waits"))
        manager = AsyncKernelManager(kernel_name="child", kernel_spec_manager=specs)
        await specs.let_go_cancelled(await begun(manager.start_kernel()), times)
        assert await manager.is_alive()
        await manager.shutdown_kernel(now=True)
        assert not await manager.is_alive()

    asyncio.run(main())


def test_a_wait_for_ready_that_is_cancelled_leaves_the_verb_alone(children: Children) -> None:
    async def main() -> None:
        specs = HeldSpecs(children.specs("waits"))
        manager = AsyncKernelManager(kernel_name="child", kernel_spec_manager=specs)
        start = await begun(manager.start_kernel())
        assert await asyncio.to_thread(specs.is_asked.wait, PATIENCE)
        ready = await begun(manager.ready)
        await cancelled(ready)
        specs.let_go()
        await start
        assert manager.ready.done()
        await manager.shutdown_kernel(now=True)

    asyncio.run(main())


def test_a_manager_makes_clients_of_another_class_or_that_block(children: Children) -> None:
    class Ours(AsyncKernelClient):
        pass

    specs = children.specs("waits")
    manager = AsyncKernelManager(kernel_spec_manager=specs, client_factory=Ours)

    assert type(manager.client()) is Ours
    assert type(manager.blocking_client()) is BlockingKernelClient


def test_a_death_is_told_to_who_waits(children: Children) -> None:
    async def main() -> None:
        manager = managed(children)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        waiting = await begun(client.get_shell_msg())
        await manager.signal_kernel(signal.SIGKILL)
        with pytest.raises(KernelDied, match="SIGKILL"):
            await waiting
        client.stop_channels()
        await manager.shutdown_kernel(now=True)

    asyncio.run(main())


def test_a_wait_for_another_process_does_not_keep_the_program_from_ending() -> None:
    thread = asyncio.run(AsyncKernelClient()._elsewhere(threading.current_thread))

    assert thread.daemon


def test_two_clients_of_one_kernel_wait_in_one_loop(children: Children) -> None:
    async def main() -> None:
        manager = managed(children)
        await manager.start_kernel()
        clients = [manager.client(), manager.client()]
        for client in clients:
            client.start_channels()
        waiting = [await begun(client.get_shell_msg()) for client in clients]
        await manager.signal_kernel(signal.SIGKILL)
        deaths = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(each) for each in deaths] == [KernelDied, KernelDied]
        for client in clients:
            client.stop_channels()
        await manager.shutdown_kernel(now=True)

    asyncio.run(main())


def test_many_kernels_are_known_by_their_ids(children: Children) -> None:
    async def main() -> None:
        kernels = AsyncMultiKernelManager(
            default_kernel_name="child",
            kernel_spec_manager=children.specs("waits"),
            autorestart=False,
        )
        first, second = await asyncio.gather(kernels.start_kernel(), kernels.start_kernel())
        manager = kernels.get_kernel(first)
        assert manager is kernels.get_kernel(first)
        assert await manager.is_alive()
        assert set(kernels.list_kernel_ids()) == {first, second}
        await kernels.shutdown_kernel(first, now=True)
        assert first not in kernels
        assert len(kernels) == 1
        await kernels.shutdown_all(now=True)
        with pytest.raises(NoSuchKernel):
            kernels.get_kernel(second)

    asyncio.run(main())


class OtherManager(AsyncKernelManager):
    pass


@pytest.mark.parametrize(
    "kind",
    [
        {"kernel_manager_factory": OtherManager},
        {"kernel_manager_class": OtherManager},
        {"kernel_manager_class": "kerneltui.asyncio.AsyncKernelManager"},
    ],
    ids=["factory", "class", "name"],
)
def test_many_kernels_are_of_the_managers_that_are_wanted(
    children: Children, kind: dict[str, Any]
) -> None:
    (wanted,) = kind.values()

    async def main() -> None:
        specs = children.specs("waits")
        kernels = AsyncMultiKernelManager(kernel_spec_manager=specs, **kind)
        kernel_id = await kernels.start_kernel("child")
        manager = kernels.remove_kernel(kernel_id)
        assert manager is not None
        assert type(manager) is (AsyncKernelManager if isinstance(wanted, str) else wanted)
        await manager.shutdown_kernel(now=True)

    asyncio.run(main())


def test_a_kernel_whose_start_was_cancelled_can_be_shut_down_with_all(children: Children) -> None:
    async def main() -> None:
        specs = HeldSpecs(children.specs("waits"))
        kernels = AsyncMultiKernelManager(kernel_spec_manager=specs, default_kernel_name="child")
        await specs.let_go_cancelled(await begun(kernels.start_kernel(kernel_id="mine")))
        manager = kernels.get_kernel("mine")
        await kernels.shutdown_all(now=True)
        assert not await manager.is_alive()
        assert len(kernels) == 0

    asyncio.run(main())


def test_what_fails_to_shut_down_is_told_of_all_at_once(children: Children) -> None:
    class Stuck(AsyncKernelManager):
        async def shutdown_kernel(self, **kw: Any) -> None:  # type: ignore[override]
            await super().shutdown_kernel(**kw)
            raise KernelTimeout("stuck")

    async def main() -> None:
        specs = children.specs("waits")
        kernels = AsyncMultiKernelManager(
            kernel_spec_manager=specs, default_kernel_name="child", kernel_manager_class=Stuck
        )
        await asyncio.gather(kernels.start_kernel(), kernels.start_kernel())
        with pytest.raises(ExceptionGroup, match="2 kernels did not shut down"):
            await kernels.shutdown_all(now=True)

    asyncio.run(main())


def test_no_kernel_stays_behind_that_is_not_ready_in_time(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_PATH", str(children.folder))
    children.specs("waits")

    async def main() -> None:
        with pytest.raises(KernelTimeout):
            await start_new_async_kernel(0.01, "child")

    asyncio.run(main())


# -- scripts of users, with real kernels --------------------------------------------


@pytest.mark.slow
def test_two_kernels_run_at_once_and_go_on_after_a_timeout_and_a_cancellation(
    tmp_path: Path,
) -> None:
    async def script(number: int) -> object:
        files = [tmp_path / f"{number}-{step}" for step in range(2)]
        late, cut_off = map(waits_for, files)
        async with run_kernel(kernel_name="python3") as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.execute(late, reply=True), 0.1)
            files[0].touch()
            cell = asyncio.ensure_future(client.execute_interactive(cut_off))
            await asyncio.sleep(0.1)
            await cancelled(cell)
            files[1].touch()
            seen: list[Message] = []
            await client.execute_interactive(
                f"print({number} * 7)", timeout=PATIENCE, output_hook=seen.append
            )
            return [text(each) for each in seen if each["msg_type"] == "stream"]

    async def main() -> list[object]:
        return list(await asyncio.gather(script(6), script(7)))

    assert asyncio.run(main()) == [["42\n"], ["49\n"]]


@pytest.fixture
def nbclient() -> Any:  # its types know managers of the field only
    return importlib.import_module("nbclient")  # which takes a second of each process


@pytest.mark.slow
def test_nbclient_runs_a_notebook_by_its_own_asyncio_path(nbclient: Any) -> None:
    async def main() -> Any:
        manager = AsyncKernelManager(kernel_name="python3")
        runner = nbclient.NotebookClient(
            notebook("x = 6", "print(x * 7)", "1 / 0"), km=manager, allow_errors=True
        )
        done = await runner.async_execute()
        runner.kc.stop_channels()
        await manager.shutdown_kernel(now=True)
        return done

    outputs = [cell.outputs for cell in asyncio.run(main()).cells]
    assert outputs[1][0]["text"] == "42\n"
    assert outputs[2][0]["ename"] == "ZeroDivisionError"


def runner_of(nbclient: Any, made: Any, **arguments: Any) -> Any:
    kind = type("Runner", (nbclient.NotebookClient,), {"kernel_manager_class": AsyncKernelManager})
    return kind(made, kernel_name="python3", **arguments)


@pytest.mark.slow
def test_nbclient_makes_managers_of_ours_and_ends_their_kernels(nbclient: Any) -> None:
    runner = runner_of(nbclient, notebook("print(6 * 7)"), timeout=PATIENCE)

    done = runner.execute()

    assert done.cells[0].outputs[0]["text"] == "42\n"
    assert runner.km is None


@pytest.mark.slow
def test_nbclient_interrupts_a_cell_that_takes_too_long(nbclient: Any) -> None:
    runner = runner_of(
        nbclient,
        notebook(
            "1 / 0", "import time; time.sleep(60)", "print('on')"
        ),  # a first traceback is slow
        timeout_func=lambda cell: 5 if "sleep" in cell.source else PATIENCE,  # between interrupts
        interrupt_on_timeout=True,
        allow_errors=True,
    )

    done = runner.execute()

    assert done.cells[1].outputs[-1]["ename"] == "KeyboardInterrupt"
    assert done.cells[2].outputs[0]["text"] == "on\n"


@pytest.mark.slow
def test_nbclient_is_told_of_a_kernel_that_dies(nbclient: Any) -> None:
    runner = runner_of(nbclient, notebook("import os; os._exit(1)"))

    with pytest.raises(RuntimeError):
        runner.execute()
