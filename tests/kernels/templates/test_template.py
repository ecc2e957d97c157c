"""A template forks what it is asked for, tells how that ended, and is never in the way."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kerneltui.kernels.processes.identity import identify
from kerneltui.kernels.processes.stack_signal import with_hook
from kerneltui.kernels.templates import template as template_module
from kerneltui.kernels.templates.events import Exited, Failed, Forked, Gone, Ready, Refused, Stale
from kerneltui.kernels.templates.template import TemplateState
from tests.kernels.templates.fake_ipykernel import INTERPRETER, Asked, FakeIpykernel
from tests.support import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


@pytest.fixture
def fake(tmp_path: Path) -> FakeIpykernel:
    return FakeIpykernel(tmp_path / "é folder")


@pytest.fixture
def asked(fake: FakeIpykernel) -> Iterator[Asked]:
    """A template that is ready."""
    with Asked(fake) as asked:
        asked.hear(Ready)
        yield asked


def is_over(fork: Forked) -> bool:
    poller = select.poll()
    poller.register(fork.exit_fd, select.POLLIN)
    return bool(poller.poll(0))


def test_a_fork_runs_the_module_with_its_arguments(asked: Asked) -> None:
    code = "print(__name__, sys.argv[0].rpartition('/')[2], len(sys.argv)); sys.exit(3)"

    forked = asked.run(code)

    assert asked.hear(Exited) == Exited(forked.pid, 3, forked.number)
    assert asked.said() == "__main__ ipykernel_launcher.py 2\n"


def test_a_signal_is_told_as_a_negative_code(asked: Asked) -> None:
    forked = asked.run("os.kill(os.getpid(), signal.SIGSEGV)")

    assert asked.hear(Exited) == Exited(forked.pid, -signal.SIGSEGV, forked.number)


def test_a_fork_waits_before_its_first_line(asked: Asked) -> None:
    forked = asked.fork("print('begun')")
    assert not is_over(forked)
    assert asked.said() == ""

    forked.release()

    asked.hear(Exited)
    assert asked.said() == "begun\n"


def test_an_abandoned_fork_runs_nothing(asked: Asked) -> None:
    asked.ask("print('begun')")
    forked = asked.hear(Forked)

    forked.abandon()

    assert asked.hear(Exited).pid == forked.pid
    assert asked.said() == ""


def test_a_fork_that_was_killed_at_its_gate_is_told_as_any_other(asked: Asked) -> None:
    forked = asked.fork("print('begun')")
    os.kill(forked.pid, signal.SIGKILL)
    eventually(lambda: is_over(forked))

    forked.release()

    assert asked.hear(Exited) == Exited(forked.pid, -signal.SIGKILL, forked.number)


def test_a_fork_is_told_with_its_start(asked: Asked) -> None:
    forked = asked.run("time.sleep(1000)")

    stat = Path(f"/proc/{forked.pid}/stat").read_text(encoding="utf-8")
    assert forked.start_ticks == int(stat.rpartition(")")[2].split()[19])
    os.kill(forked.pid, signal.SIGKILL)


def test_a_fork_has_the_environment_and_folder_that_it_is_asked_with(asked: Asked) -> None:
    code = "print(dict(os.environ), os.getcwd(), oct(os.umask(0)))"
    env = {**asked.fake.env, "MARK": "é" * 1_000_000}
    asked.ask(code, env=env, umask=0o27)

    asked.hear(Forked).release()

    asked.hear(Exited)
    told, _, rest = asked.said().rpartition("} ")
    told = told.replace(env["MARK"], "1e6")
    assert told + "}" == str({**env, "MARK": "1e6"})
    assert rest == f"{asked.fake.folder} 0o27\n"


def test_a_fork_has_no_descriptors_of_its_template(asked: Asked) -> None:
    others = [asked.run("time.sleep(1000)") for _ in range(3)]

    asked.run("print(os.listdir('/proc/self/fd'))")

    asked.hear(Exited)
    assert asked.said() == "['0', '1', '2', '3']\n"  # the last one reads the folder
    for each in others:
        os.kill(each.pid, signal.SIGKILL)


def test_a_fork_has_default_signals_whatever_its_asker_has(fake: FakeIpykernel) -> None:
    ignored = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        asked = Asked(fake)
    finally:
        signal.signal(signal.SIGTERM, ignored)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    with asked:
        asked.run("print(repr(signal.getsignal(15)), signal.pthread_sigmask(0, ()))")
        asked.hear(Exited)

    assert asked.said() == f"{signal.SIG_DFL!r} set()\n"


def test_a_stack_signal_is_registered_without_a_trace(asked: Asked) -> None:
    code = (
        "print(os.environ.get('PYTHONPATH'), os.environ.get('KERNELTUI_STACK_SIGNAL'));"
        " sys.stdout.flush(); os.kill(os.getpid(), signal.SIGUSR1)"
    )
    asked.ask(code, env=with_hook(asked.fake.env, signal.SIGUSR1))

    asked.hear(Forked).release()

    assert asked.hear(Exited).returncode == 0
    assert asked.said().startswith(f"{asked.fake.package.parent} None\n")
    assert "most recent call first" in asked.said()


def test_commands_are_shown_as_what_they_are(asked: Asked) -> None:
    code = "time.sleep(1000) # é"

    forked = asked.run(code)

    shown = psutil.Process(asked.template.pid).cmdline()
    assert shown == [INTERPRETER, "(kerneltui template)"]
    kernel = psutil.Process(forked.pid)
    assert kernel.cmdline() == [INTERPRETER, "-m", "ipykernel_launcher", code]
    assert kernel.environ() == asked.fake.env
    os.kill(forked.pid, signal.SIGKILL)


@pytest.mark.parametrize("module", ["ipykernel_launcher", "ipykernel"])
def test_each_module_has_the_path_that_python_gives_it(fake: FakeIpykernel, module: str) -> None:
    with Asked(fake, fake.key(module=module)) as asked:
        asked.run("print(sys.path[0], sys.argv[0])")
        asked.hear(Exited)

    file = "ipykernel/__main__.py" if module == "ipykernel" else "ipykernel_launcher.py"
    assert asked.said() == f"{fake.folder} {fake.package.parent}/{file}\n"


def test_an_interpreter_in_an_odd_place_is_a_template_too(fake: FakeIpykernel) -> None:
    link = fake.folder / "a b" / "python"
    link.parent.mkdir()
    link.symlink_to(INTERPRETER)

    with Asked(fake, fake.key(program=str(link))) as asked:
        asked.run("print(sys.executable)")
        asked.hear(Exited)

    assert asked.said() == f"{link}\n"


def test_preloaded_modules_are_there_with_random_numbers_of_their_own(fake: FakeIpykernel) -> None:
    numpy = fake.package.parent / "numpy"
    numpy.mkdir()
    (numpy / "__init__.py").touch()
    (numpy / "random.py").write_text("seeds = 0\ndef seed():\n    global seeds\n    seeds += 1\n")

    with Asked(fake, fake.key(preload=("numpy.random",))) as asked:
        asked.run("print('numpy.random' in sys.modules, sys.modules['numpy.random'].seeds)")
        asked.hear(Exited)

    assert asked.said() == "True 1\n"


def test_forks_have_different_random_numbers(asked: Asked) -> None:
    for _ in range(2):
        asked.run("import random; print(random.random())")
        asked.hear(Exited)

    assert len(set(asked.said().splitlines())) == 2


# -- a template that cannot be had ----


def test_a_package_that_is_missing_is_told(fake: FakeIpykernel) -> None:
    shutil.rmtree(fake.package)

    with Asked(fake) as asked:
        failed = asked.hear(Failed)

    assert "No module named 'ipykernel'" in failed.reason
    assert asked.template.state is TemplateState.FAILED


def test_a_package_that_is_broken_is_told(fake: FakeIpykernel) -> None:
    fake.importing("1 / 0")

    with Asked(fake) as asked:
        assert asked.hear(Failed).reason == "ZeroDivisionError: division by zero"


def test_a_package_that_ends_its_process_is_told(fake: FakeIpykernel) -> None:
    fake.importing("import os; os.write(2, b'no room\\n'); os._exit(1)")

    with Asked(fake) as asked:
        assert asked.hear(Failed).reason == "no room"


def test_a_package_that_starts_threads_cannot_be_forked(fake: FakeIpykernel) -> None:
    fake.importing(
        "import threading, time; threading.Thread(target=time.sleep, args=[1000]).start()"
    )

    with Asked(fake) as asked:
        assert asked.hear(Failed).reason == "RuntimeError: its imports have started 1 threads"


def test_an_interpreter_that_is_broken_is_told(fake: FakeIpykernel) -> None:
    fake.env["PYTHONHOME"] = "/nowhere"

    with Asked(fake) as asked:
        assert asked.hear(Failed).reason


def test_a_program_that_is_not_an_interpreter_is_told(fake: FakeIpykernel) -> None:
    program = fake.folder / "python"
    shutil.copy("/bin/true", program)

    with Asked(fake, fake.key(program=str(program))) as asked:
        assert asked.hear(Failed).reason == "its interpreter has not run it"


def test_a_preloaded_module_that_is_missing_is_told(fake: FakeIpykernel) -> None:
    with Asked(fake, fake.key(preload=("missing",))) as asked:
        assert asked.hear(Failed).reason == "ModuleNotFoundError: No module named 'missing'"


def test_imports_that_hang_are_ended(fake: FakeIpykernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_module, "WARMING_TIME", 0.0)
    fake.importing("import time; time.sleep(1000)")

    with Asked(fake) as asked:
        assert asked.hear(Failed).reason == "it was not ready after 0 s"

    assert not psutil.pid_exists(asked.template.pid)


# -- its end ----


def test_a_template_ends_with_its_asker_and_its_kernels_live_on(asked: Asked) -> None:
    forked = asked.run("time.sleep(1000)")
    template = psutil.Process(asked.template.pid)

    asked.template._socket.close()

    eventually(lambda: not template.is_running() or template.status() == "zombie")
    assert not is_over(forked)
    os.kill(forked.pid, signal.SIGKILL)
    asked.template._popen.wait()
    os.close(asked.template._stderr)


def test_a_template_that_is_killed_leaves_its_kernels(asked: Asked) -> None:
    forked = asked.run("time.sleep(1000)")

    os.kill(asked.template.pid, signal.SIGKILL)

    asked.hear(Gone)
    assert asked.template.state is TemplateState.GONE
    assert not is_over(forked)
    os.kill(forked.pid, signal.SIGKILL)


def test_a_fork_that_nobody_heard_of_ends_with_its_template(asked: Asked) -> None:
    asked.ask("print('begun')")
    eventually(lambda: psutil.Process(asked.template.pid).children())
    fork = identify(psutil.Process(asked.template.pid).children()[0].pid)
    assert fork is not None

    os.kill(asked.template.pid, signal.SIGKILL)
    asked.template._socket.close()  # with the gate that was not read

    eventually(lambda: not fork.is_alive())
    assert asked.said() == ""
    asked.template._popen.wait()
    os.close(asked.template._stderr)


def test_a_request_that_is_late_is_refused(asked: Asked) -> None:
    number = asked.ask("print('begun')", within=-1)

    assert asked.hear(Refused) == Refused(number, "it was asked too long ago")


def test_a_folder_that_does_not_exist_is_told_at_once(asked: Asked) -> None:
    with pytest.raises(FileNotFoundError):
        asked.ask("", cwd=str(asked.fake.folder / "missing"))


def test_a_variable_that_was_read_by_an_import_must_have_its_value(fake: FakeIpykernel) -> None:
    fake.importing("import os; os.environ.get('READ')")
    with Asked(fake) as asked:
        asked.ask("", env={**fake.env, "READ": "secret"})

        assert asked.hear(Refused).reason == "other values of READ were imported"


def test_what_an_import_sets_in_the_environment_is_set_in_a_kernel(fake: FakeIpykernel) -> None:
    fake.importing("import os; os.environ['SET'] = 'set'; os.environ.pop('MARK', None)")
    with Asked(fake) as asked:
        asked.run("print(os.environ['SET'])")
        asked.hear(Exited)

    assert asked.said() == "set\n"


def test_a_module_of_the_working_directory_is_not_hidden(fake: FakeIpykernel) -> None:
    (fake.folder / "random.py").touch()
    with Asked(fake, fake.key(module="ipykernel")) as asked:
        asked.hear(Ready)
        asked.ask("")

        assert "working directory has a module" in asked.hear(Refused).reason


# -- packages that change ----


def test_a_template_of_a_changed_package_forks_no_more_and_ends(asked: Asked) -> None:
    asked.fake.importing("changed = True")
    number = asked.ask("")

    stale = asked.hear(Stale)

    assert "kernelapp.py has changed" in stale.reason
    assert asked.hear(Refused) == Refused(number, stale.reason)
    asked.hear(Gone)


def test_a_template_of_a_changed_package_tells_the_ends_of_its_kernels(asked: Asked) -> None:
    forked = asked.run("time.sleep(1000)")
    asked.fake.importing("changed = True")
    asked.ask("")
    asked.hear(Refused)

    os.kill(forked.pid, signal.SIGKILL)

    assert asked.hear(Exited) == Exited(forked.pid, -signal.SIGKILL, forked.number)
    asked.hear(Gone)


@pytest.mark.parametrize(
    ("name", "is_stale"), [("json.py", True), ("a.pth", True), ("other.py", False)]
)
def test_a_new_file_matters_if_it_would_be_imported(
    asked: Asked, name: str, is_stale: bool
) -> None:
    (asked.fake.package.parent / name).touch()

    asked.ask("")

    if is_stale:
        assert "packages has changed" in asked.hear(Stale).reason
    else:
        asked.hear(Forked).release()
        asked.hear(Exited)


# -- its costs ----


def test_twenty_kernels_leave_nothing(asked: Asked) -> None:
    here, there = psutil.Process(), psutil.Process(asked.template.pid)
    before_here, before_there = here.num_fds(), there.num_fds()
    for _ in range(20):
        asked.ask("")
        forked = asked.hear(Forked)
        forked.release()
        asked.hear(Exited)
        os.close(forked.exit_fd)

    assert here.num_fds() <= before_here  # libzmq may still close files of the tests before
    assert (there.num_fds(), there.children()) == (before_there, [])


def test_a_template_at_rest_takes_no_cpu(asked: Asked) -> None:
    asked.run("")
    asked.hear(Exited)
    process = psutil.Process(asked.template.pid)
    eventually(lambda: process.status() == psutil.STATUS_SLEEPING)

    wakes = process.num_ctx_switches()
    psutil.Process().cpu_percent(interval=0.2)

    assert process.num_ctx_switches() == wakes


def test_flags_are_the_same(fake: FakeIpykernel) -> None:
    with Asked(fake, fake.key("-X", "dev", "-W", "error", "-O")) as asked:
        asked.run("print(sys.flags.optimize, sys.flags.dev_mode, sys.warnoptions)")
        asked.hear(Exited)

    assert asked.said() == "1 True ['default', 'error']\n"
