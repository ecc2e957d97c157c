"""All who may share a template do; whoever gets none is told why."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.kernels.templates import pool as pool_module
from kerneltui.kernels.templates import template as template_module
from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.order import ForkOrder
from kerneltui.kernels.templates.pool import TemplatePool, template_pool
from kerneltui.kernels.templates.recognition import NoTemplate, TemplateKey
from kerneltui.kernels.templates.template import TemplateState
from tests.kernels.templates.fake_ipykernel import FakeIpykernel
from tests.support import PATIENCE, Background, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture
def fake(tmp_path: Path) -> FakeIpykernel:
    return FakeIpykernel(tmp_path / "fake")


@pytest.fixture
def pool() -> Iterator[TemplatePool]:
    pool = TemplatePool()
    yield pool
    pool.close()


@pytest.fixture
def key(fake: FakeIpykernel, pool: TemplatePool) -> TemplateKey:
    """The key of a template that is ready."""
    return warmed(fake, pool)


def warmed(fake: FakeIpykernel, pool: TemplatePool) -> TemplateKey:
    key = fake.key()
    eventually(lambda: pool.warm(key) is TemplateState.READY)
    return key


def asked(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel, code: str, within: float = PATIENCE
) -> ForkedProcess | NoTemplate:
    argv = [key.interpreter, "-m", key.module, code]
    deadline = time.monotonic() + within
    order = ForkOrder(argv, fake.env, str(fake.folder), 0o22, deadline)
    with Path(os.devnull).open("r+b", buffering=0) as null:
        return pool.fork(key, order, (null.fileno(),) * 3)


def forked(pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel, code: str) -> ForkedProcess:
    process = asked(pool, key, fake, code)
    assert isinstance(process, ForkedProcess), process
    return process


def refused(pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel) -> str:
    answer = asked(pool, key, fake, "")
    assert isinstance(answer, NoTemplate)
    return answer.reason


def parent_of(process: ForkedProcess) -> int:
    return psutil.Process(process.identity.pid).ppid()


def test_the_first_kernel_does_not_wait_for_its_template(
    fake: FakeIpykernel, pool: TemplatePool
) -> None:
    fake.importing("import time; time.sleep(1000)")

    assert refused(pool, fake.key(), fake) == "its template is warming"


@pytest.mark.parametrize(
    ("code", "returncode"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGSEGV)", -11)]
)
def test_the_exit_code_of_a_fork_is_known(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel, code: str, returncode: int
) -> None:
    process = forked(pool, key, fake, code)

    assert process.wait(PATIENCE)
    assert process.returncode == returncode


def test_a_fork_that_runs_has_no_exit_code(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    process = forked(pool, key, fake, "time.sleep(1000)")

    assert not process.exited
    assert process.returncode is None
    assert not process.wait(0.01)

    process.send_signal(signal.SIGKILL)

    assert process.wait(PATIENCE)
    assert process.returncode == -signal.SIGKILL


def test_a_fork_runs_under_the_present_conditions_of_its_owner(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    wanted = (4096 if before[0] == 0 else 0, before[1])
    resource.setrlimit(resource.RLIMIT_CORE, wanted)
    try:
        code = f"import resource; sys.exit(resource.getrlimit(resource.RLIMIT_CORE) == {wanted})"
        process = forked(pool, key, fake, code)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)

    assert process.wait(PATIENCE)
    assert process.returncode == int(True)


def test_two_kernels_of_one_kind_share_a_template(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    first, second = (forked(pool, key, fake, "time.sleep(1000)") for _ in range(2))

    assert parent_of(first) == parent_of(second) != os.getpid()
    for each in (first, second):
        each.send_signal(signal.SIGKILL)
        assert each.wait(PATIENCE)


def test_threads_get_one_kernel_each_and_its_exit_code(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    def run(code: int) -> int | None:
        process = forked(pool, key, fake, f"sys.exit({code})")
        assert process.wait(PATIENCE)
        return process.returncode

    threads = [Background(lambda code=code: run(code)) for code in range(10)]  # type: ignore[misc]

    assert [each.result() for each in threads] == list(range(10))


def test_a_failure_is_told_again_until_it_is_worth_another_try(
    fake: FakeIpykernel, pool: TemplatePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.importing("1 / 0")
    key = fake.key()
    eventually(lambda: pool.warm(key) is TemplateState.FAILED)
    reason = "its template is failed: ZeroDivisionError: division by zero"
    assert refused(pool, key, fake) == reason
    fake.importing("fixed = True")
    assert refused(pool, key, fake) == reason

    monkeypatch.setattr(pool_module, "RETRY", 0.0)

    eventually(lambda: pool.warm(key) is TemplateState.READY)


def test_a_template_that_hangs_is_ended(
    fake: FakeIpykernel, pool: TemplatePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_module, "WARMING_TIME", 0.0)
    fake.importing("import time; time.sleep(1000)")

    assert "was not ready" in refused(pool, fake.key(), fake)


def test_a_template_of_a_changed_package_is_replaced(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    before = forked(pool, key, fake, "time.sleep(1000)")
    fake.importing("changed = True")
    assert "has changed" in refused(pool, key, fake)

    eventually(lambda: pool.warm(key) is TemplateState.READY)
    after = forked(pool, key, fake, "time.sleep(1000)")

    assert parent_of(before) != parent_of(after)
    for each in (before, after):
        each.send_signal(signal.SIGKILL)
        assert each.wait(PATIENCE)
        assert each.returncode == -signal.SIGKILL


def test_a_template_that_was_killed_is_replaced_and_knows_no_exit_code(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    orphan = forked(pool, key, fake, "time.sleep(1000)")
    os.kill(parent_of(orphan), signal.SIGKILL)

    eventually(lambda: pool.warm(key) is TemplateState.READY)
    orphan.send_signal(signal.SIGKILL)

    assert orphan.wait(PATIENCE)
    assert orphan.returncode is None


def test_a_template_that_does_not_answer_is_not_waited_for_beyond_the_deadline(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    other = forked(pool, key, fake, "time.sleep(1000)")
    template = parent_of(other)
    os.kill(template, signal.SIGSTOP)
    begun = fake.folder / "begun"

    answer = asked(pool, key, fake, f"open({str(begun)!r}, 'w')", within=0.05)

    assert answer == NoTemplate("its template has not answered")
    os.kill(template, signal.SIGCONT)
    other.send_signal(signal.SIGKILL)
    assert other.wait(PATIENCE)
    assert other.returncode == -signal.SIGKILL  # the template has gone on, and refused
    assert not begun.exists()


def test_closing_ends_the_templates_only(
    pool: TemplatePool, key: TemplateKey, fake: FakeIpykernel
) -> None:
    process = forked(pool, key, fake, "time.sleep(1000)")
    template = psutil.Process(parent_of(process))

    pool.close()

    assert not template.is_running()
    assert not process.exited
    process.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE)


def test_a_forked_child_of_this_process_has_templates_of_its_own(
    fake: FakeIpykernel,
) -> None:
    pool = template_pool()
    key = warmed(fake, pool)
    pid = os.fork()
    if pid == 0:
        own = template_pool()
        os._exit(int(own is pool or bool(own._current)))

    assert os.waitpid(pid, 0)[1] == 0
    assert pool.warm(key) is TemplateState.READY  # the child has not ended it
    pool.close()


def test_no_environment_is_shown(pool: TemplatePool, fake: FakeIpykernel) -> None:
    order = ForkOrder([], {"A": "secret"}, None, 0, 0.0)

    assert "secret" not in repr(order)
    assert "HOME" not in repr(fake.key())
    assert "HOME" not in repr(vars(pool))
