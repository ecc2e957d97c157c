"""A forked kernel cannot tell that it was not spawned: both answer the same questions alike."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from kerneltui.frozen import frozen
from kerneltui.kernels.client.client import BlockingKernelClient
from kerneltui.kernels.management.manager import KernelManager
from kerneltui.kernels.processes.process import ChildProcess
from kerneltui.kernels.templates import forked as forked_module
from kerneltui.kernels.templates import template as template_module
from kerneltui.kernels.templates.forked import ForkedProcess
from kerneltui.kernels.templates.pool import template_pool
from kerneltui.kernels.templates.recognition import TemplateKey, recognise
from kerneltui.kernels.templates.template import TemplateState
from kerneltui.protocol.message import Message
from tests.kernels.looks import process_of
from tests.support import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only"),
]

PATIENCE = 60  # seconds for a kernel on a busy machine
STACK_SIGNAL = signal.SIGRTMIN + 8

# What terminals and sessions set; a fork may have other values than its template.
DESKTOP = {
    "COLORTERM": "truecolor",
    "COLUMNS": "80",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
    "DESKTOP_SESSION": "gnome",
    "DISPLAY": ":0",
    "LINES": "24",
    "LS_COLORS": "di=01;34",
    "NO_COLOR": "1",
    "PAGER": "less",
    "SSH_AUTH_SOCK": "/nowhere",
    "SSH_CONNECTION": "::1 1 ::1 22",
    "TERM": "xterm-256color",
    "TERM_PROGRAM": "tmux",
    "TMUX": "/nowhere,1,0",
    "VIRTUAL_ENV": "/nowhere",
    "WAYLAND_DISPLAY": "wayland-0",
    "WINDOWID": "1",
    "XAUTHORITY": "/nowhere",
    "XDG_CURRENT_DESKTOP": "GNOME",
    "XDG_SESSION_ID": "2",
    "XDG_SESSION_TYPE": "wayland",
}

# Each is an expression of a kernel, whose values are compared.
FACTS = {
    "arguments": "sys.argv",
    "original arguments": "getattr(sys, 'orig_argv', None)",
    "path": "sys.path",
    "flags": "[repr(sys.flags), sys.warnoptions, sys._xoptions]",
    "interpreter": "[sys.executable, sys._base_executable, sys.prefix, sys.base_prefix]",
    "main module": "{name: repr(type(each)) for name, each in vars(sys.modules['__main__']).items()"
    " if not name.startswith('_i')}",
    "environment": "{k: v for k, v in os.environ.items() if k != 'JPY_PARENT_PID'}",
    "environment of programs": "sorted(line for line in subprocess.run(['env'], text=True,"
    " capture_output=True).stdout.splitlines() if 'JPY_PARENT_PID' not in line)",
    "environment as others see it": "sorted(line for line in open('/proc/self/environ').read()"
    ".split(chr(0)) if not line.startswith('JPY_PARENT_PID'))",
    "parent": "os.environ['JPY_PARENT_PID'] == str(os.getppid())",
    "command line": "open('/proc/self/cmdline').read().split(chr(0))",
    "command in ps": "subprocess.run(['ps', '-ww', '-o', 'args=', '-p', str(os.getpid())],"
    " text=True, capture_output=True).stdout",
    "name": "open('/proc/self/comm').read()",
    "program": "os.readlink('/proc/self/exe')",
    "folder": "os.getcwd()",
    "umask": "[os.umask(0o77), os.umask(0o27)][0]",
    "signal handlers": "[[each, shown(signal.getsignal(each))] for each in signal.valid_signals()]",
    "caught signals": "[line for line in open('/proc/self/status') if line[:4] in"
    " ('SigB', 'SigC', 'SigI')]",
    "blocked signals": "list(signal.pthread_sigmask(signal.SIG_BLOCK, ()))",
    "wakeup": "signal.set_wakeup_fd(-1) > 2",
    "descriptors": "sorted(place.partition(':[')[0] for each in os.listdir('/proc/self/fd')"
    " if (place := link(each)) and 'history' not in place and not place.endswith('.log'))",
    "streams": "[os.path.basename(link(each)).partition('.')[2] or link(each).partition(':[')[0]"
    " for each in '012']",
    "session": "[os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()]",
    "threads": "sorted(re.sub('[0-9]+', 'N', each.name) for each in threading.enumerate())",
    "tasks": "len(os.listdir('/proc/self/task'))",
    "main thread": "[threading.current_thread().name, threading.main_thread().ident =="
    " threading.get_ident(), threading.get_native_id() == os.getpid()]",
    "collector": "[gc.isenabled(), gc.get_threshold(), shown(gc.callbacks)]",
    "stack": "[frame.f_code.co_name for frame, _ in traceback.walk_stack(sys._getframe(1))]",
    "recursion": "sys.getrecursionlimit()",
    "text streams": "[[each.name, each.mode, each.encoding, each.errors, each.newlines,"
    " each.line_buffering, each.write_through, type(each).__name__, type(each.buffer).__name__,"
    " each.closed, each.isatty()]"
    " for each in (sys.__stdin__, sys.__stdout__, sys.__stderr__)]",
    "shell's streams": "[shown(each) for each in (sys.stdin, sys.stdout, sys.stderr)]",
    "logging": "[shown(logging.root.handlers), logging.root.level, {name: shown(each.handlers)"
    " for name, each in sorted(logging.root.manager.loggerDict.items())"
    " if getattr(each, 'handlers', None)}]",
    "warnings": "[str(each) for each in warnings.filters]",
    "hooks": "[shown(each) for each in (sys.excepthook, sys.displayhook, sys.breakpointhook,"
    " threading.excepthook, sys.unraisablehook, sys.meta_path, sys.path_hooks, sys.gettrace(),"
    " sys.getprofile())]",
    "limits": "[[name, resource.getrlimit(getattr(resource, name))] for name in dir(resource)"
    " if name.startswith('RLIMIT_')]",
    "scheduling": "[os.nice(0), sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0),"
    " open('/proc/self/oom_score_adj').read()]",
    "control groups": "open('/proc/self/cgroup').read()",
    "locale": "[locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding(),"
    " locale.getpreferredencoding(False)]",
    "time": "[time.tzname, time.timezone]",
    "built-in names": "sorted(vars(builtins))",
    "names of the user": "sorted(name for name in globals() if not name.startswith('_'))",
    "crash handler": "faulthandler.is_enabled()",
    "exit handlers": "atexit._ncallbacks()",
    "numbers of random": "type(random.getstate()).__name__",
    "processes": "[multiprocessing.get_start_method(), multiprocessing.current_process().name]",
    "temporary files": "tempfile.gettempdir()",
    "own modules": "[name for name in sys.modules if 'kerneltui' in name or 'customize' in name]",
    "kernel's configuration": "str(get_ipython().config)",
    "parent's pid of the kernel": "get_ipython().kernel.parent.parent_handle == os.getppid() > 1",
    "its class": "repr(sys.modules['ipykernel.kernelapp'].IPKernelApp.instance().kernel_class)",
}
HEAD = """
import atexit, builtins, faulthandler, gc, json, locale, logging, multiprocessing, os, random, re
import resource, signal, subprocess, sys, tempfile, threading, time, traceback, warnings
def shown(value):
    return re.sub('0x[0-9a-f]+|(?<=StreamHandler )[0-9]+', '', repr(value))
def link(fd):
    try:
        return os.readlink(f'/proc/self/fd/{fd}')
    except OSError:
        return ''
"""
# Each is a cell; what it prints is compared.
CELLS = {
    "a program is run": "print(subprocess.run(['sh', '-c', 'echo $MARK; exit 3'],"
    " capture_output=True))",
    "the shell is run": "!echo $MARK",
    "a process is forked": """
parent, child = multiprocessing.Pipe()
process = multiprocessing.get_context('fork').Process(target=lambda: child.send('sent'))
process.start()
print(parent.recv(), process.join(), process.exitcode)""",
    "a process is spawned": """
with multiprocessing.get_context('spawn').Pool(1) as pool:
    print(pool.map(abs, [-1, -2]))""",
    "a fork server works": """
with multiprocessing.get_context('forkserver').Pool(1) as pool:
    print(pool.map(abs, [-1, -2]))""",
    "a thread runs": """
heard = []
thread = threading.Thread(target=lambda: heard.append(threading.current_thread().name), name='t')
thread.start()
thread.join()
print(heard)""",
    "a cell awaits": "import asyncio; print(await asyncio.sleep(0.001, 'slept'))",
    "a program of the loop runs": """
process = await asyncio.create_subprocess_exec('echo', 'heard', stdout=asyncio.subprocess.PIPE)
print(await process.communicate(), process.returncode)""",
    "a pool of threads works": """
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    print(list(pool.map(abs, [-1, -2])))""",
    "a file is run": """
_ = open('ran.py', 'w').write('print(__name__, __file__)')
%run ran.py""",
    "a file of the folder is imported": """
_ = open('beside.py', 'w').write('print(__name__)')
import beside""",
    "an error is shown": """
try:
    1 / 0
except ZeroDivisionError:
    traceback.print_exc(file=sys.stdout)""",
    "descriptor 1 is heard": "_ = os.write(1, b'raw')",
    "an object is pickled": "import pickle; print(pickle.loads(pickle.dumps({1: 'a'})))",
    "a module of C is loaded": "import ctypes; print(ctypes.CDLL(None).getpid() == os.getpid())",
    "a signal is handled": """
heard = []
before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGUSR1, before)
print(heard)""",
    "an alarm is heard": """
before = signal.signal(signal.SIGALRM, lambda *_: heard.append('alarm'))
signal.setitimer(signal.ITIMER_REAL, 0.01)
while 'alarm' not in heard: time.sleep(1)
signal.signal(signal.SIGALRM, before)
print(heard)""",
    "stacks are written": """
with open('stacks', 'w+') as file:
    faulthandler.dump_traceback(file)
    file.seek(0)
    print(len(re.findall('most recent call first', file.read())) > 1)""",
    "history is kept": "print(get_ipython().history_manager.enabled)",
    "extensions are loaded": "print(sorted(get_ipython().extension_manager.loaded))",
    "magics are known": "print(sorted(get_ipython().magics_manager.magics['line']))",
}
LATE = {"descriptor 1 is heard": "raw"}
"""What a cell prints that may come after its idle."""


@frozen
class Answers:
    """What one kernel has told and done."""

    facts: dict[str, object]
    printed: dict[str, str]
    modules: frozenset[str]
    state: tuple[object, ...]
    """Of what must not be the same in two processes."""
    input: str
    debugger: object
    completed: bool
    interrupted: object
    log: str
    subshell: bool
    exit: tuple[int | None, str]
    """Its code, and what its exit handler has written."""


@dataclass
class Kernel:
    """A kernel that is asked."""

    manager: KernelManager
    client: BlockingKernelClient
    folder: Path

    def run(self, code: str, *, late: str = "", **arguments: Any) -> str:
        """Run code and return what it printed, without what differs from kernel to kernel.

        `late`: a text that may come after the idle.
        """
        texts: list[str] = []

        def note(message: Message) -> None:
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])

        reply = self.client.execute_interactive(
            code, timeout=PATIENCE, output_hook=note, store_history=False, **arguments
        )
        assert reply["content"]["status"] == "ok", (code, reply["content"])
        while late not in "".join(texts):
            note(self.client.get_iopub_msg(timeout=PATIENCE))
        pid = str(process_of(self.manager).identity.pid)
        text = "".join(texts).replace(self.manager.kernel_id, "ID")
        text = re.sub(rf"(?<!\d){pid}(?!\d)", "PID", text).replace(str(self.folder), "FOLDER")
        return re.sub(r"/[0-9]+\.py", "/CELL.py", text)

    def value(self, expression: str) -> Any:
        return json.loads(self.run(f"print(json.dumps({expression}, ensure_ascii=False))"))


def answers_of(kernel: Kernel) -> Answers:
    kernel.run(HEAD)
    modules = frozenset(kernel.value("list(sys.modules)"))
    facts = {name: kernel.value(each) for name, each in FACTS.items()}
    printed = {name: kernel.run(each, late=LATE.get(name, "")) for name, each in CELLS.items()}
    return Answers(
        facts,
        printed,
        modules,
        state=tuple(map(str, kernel.value(STATE))),
        input=kernel.run("print(input('name? '))", stdin_hook=lambda _: kernel.client.input("Ada")),
        debugger=debugged(kernel),
        completed=completed(kernel),
        interrupted=interrupted(kernel),
        log=stacks_in_log(kernel),
        subshell=subshell(kernel),
        exit=ended(kernel),
    )


STATE = (
    "[random.random(), os.urandom(8).hex(), __import__('uuid').uuid4().hex,"
    " __import__('secrets').token_hex(), multiprocessing.current_process().authkey.hex(),"
    " os.path.basename(tempfile.mktemp()), get_ipython().kernel.session.session]"
)


def debugged(kernel: Kernel) -> object:
    """Return what the debugger tells at a breakpoint."""

    def ask(command: str, **arguments: object) -> Any:
        request = {"type": "request", "seq": 1, "command": command, "arguments": arguments}
        reply = kernel.client.debug(request, reply=True, timeout=PATIENCE)["content"]
        assert reply["success"], reply
        return reply.get("body")

    body = ask("initialize", clientID="test", adapterID="python", pathFormat="path")
    ask("attach")
    cell = "def double(x):\n    y = 2 * x\n    return y\nprint(double(4))"
    path = ask("dumpCell", code=cell)["sourcePath"]
    ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": 3}], sourceModified=False)
    ask("configurationDone")
    msg_id = kernel.client.execute(cell)
    stopped = None
    while stopped is None:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "debug_event" and message["content"]["event"] == "stopped":
            stopped = message["content"]["body"]["threadId"]
    frames = ask("stackTrace", threadId=stopped)["stackFrames"]
    ask("continue", threadId=stopped)
    kernel.client.get_reply(msg_id, timeout=PATIENCE)
    ask("disconnect", restart=False, terminateDebuggee=False)
    return sorted(body), [(each["name"], each["line"]) for each in frames]


def completed(kernel: Kernel) -> bool:
    reply = kernel.client.complete("import o", reply=True, timeout=PATIENCE)
    return "os" in reply["content"]["matches"]


def interrupted(kernel: Kernel) -> object:
    msg_id = kernel.client.execute("open('begun', 'w').close()\nwhile True: time.sleep(10)")
    eventually((kernel.folder / "begun").exists)
    kernel.manager.interrupt_kernel()
    (kernel.folder / "begun").unlink()
    return kernel.client.get_reply(msg_id, timeout=PATIENCE)["content"]["ename"]


def stacks_in_log(kernel: Kernel) -> str:
    """Return the functions of the main thread's stack, as written at the stack signal."""
    assert kernel.manager.life.log is not None
    log = kernel.manager.life.log.path
    process = process_of(kernel.manager)
    os.kill(process.identity.pid, STACK_SIGNAL)
    eventually(lambda: "_run_module_as_main\n" in log.read_text(encoding="utf-8"))
    return " ".join(re.findall(r" in (\w+)\n", log.read_text(encoding="utf-8"))[-3:])


def subshell(kernel: Kernel) -> bool:
    subshell_id = kernel.client.create_subshell(timeout=PATIENCE)
    reply = kernel.client.complete("prin", subshell_id=subshell_id, reply=True, timeout=PATIENCE)
    kernel.client.delete_subshell(subshell_id, timeout=PATIENCE)
    return "print" in reply["content"]["matches"]


def ended(kernel: Kernel) -> tuple[int | None, str]:
    told = kernel.folder / "told"
    kernel.run(f"atexit.register(lambda: open({str(told)!r}, 'w').write('told'))")
    kernel.client.execute("exit()")
    process = process_of(kernel.manager)
    assert process.wait(PATIENCE)
    return process.returncode, told.read_text(encoding="utf-8")


def warmed(argv: list[str], env: dict[str, str]) -> TemplateKey:
    """Wait until a template for a command is ready."""
    key = recognise(argv, env)
    assert isinstance(key, TemplateKey), key
    eventually(lambda: template_pool().warm(key) is not TemplateState.WARMING, PATIENCE)
    assert template_pool().warm(key) is TemplateState.READY
    return key


def started(launcher: str, folder: Path) -> Answers:
    """Start a kernel, ask all questions, and end it."""
    folder.mkdir()
    manager = KernelManager(launcher=launcher)
    manager.stack_signal = STACK_SIGNAL
    client = manager.client()
    env = {**os.environ, **DESKTOP, "MARK": "a mark with é", "PYTHONFAULTHANDLER": "1"}
    env.pop("PYTEST_CURRENT_TEST", None)  # with it, ipykernel does not hear descriptor 1
    try:
        if launcher == "template":  # of a kernel with another terminal
            other = {**env, **dict.fromkeys(DESKTOP, "other")}
            warmed([sys.executable, "-m", "ipykernel_launcher"], other)
        manager.start_kernel(cwd=str(folder), env=env, umask=0o27)
        kind = ForkedProcess if launcher == "template" else ChildProcess
        assert isinstance(manager.process, kind)
        client.start_channels()
        client.wait_for_ready(timeout=PATIENCE)
        return answers_of(Kernel(manager, client, folder))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """Give a template what time it needs to be ready, to tell an exit and to end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_module, "WARMING_TIME", PATIENCE)
        patch.setattr(template_module, "ENDING_TIME", PATIENCE)
        patch.setattr(forked_module, "REPORT_TIME", PATIENCE)
        yield


@pytest.fixture(scope="module")
def spawned(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return started("spawn", tmp_path_factory.mktemp("spawned") / "é f")


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    before = set(psutil.Process().children())
    yield started("template", tmp_path_factory.mktemp("forked") / "é f")
    template_pool().close()
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("name", FACTS)
def test_it_is_told_the_same(name: str, spawned: Answers, forked: Answers) -> None:
    assert forked.facts[name] == spawned.facts[name]


@pytest.mark.parametrize("name", CELLS)
def test_it_does_the_same(name: str, spawned: Answers, forked: Answers) -> None:
    assert forked.printed[name] == spawned.printed[name]


def test_it_has_all_modules_of_a_spawned_one(spawned: Answers, forked: Answers) -> None:
    assert spawned.modules - forked.modules == set()


def test_what_must_be_secret_or_random_differs(spawned: Answers, forked: Answers) -> None:
    assert not set(forked.state) & set(spawned.state)


@pytest.mark.parametrize(
    "does", ["input", "debugger", "completed", "interrupted", "log", "subshell", "exit"]
)
def test_it_answers_the_same(does: str, spawned: Answers, forked: Answers) -> None:
    assert getattr(forked, does) == getattr(spawned, does)
