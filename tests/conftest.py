"""Gives the tests their own folders, and fails if a thread, process or file is left."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from kerneltui.kernels.connection import ports
from tests.processes import command_line
from tests.quick_imports import import_quickly
from tests.support import eventually

OUR_THREADS = (
    *("kernel-", "console", "usage", "discovery", "servers", "ask-server", "progress"),
    *("agent-", "engine-", "fake-kernel", "gateway", "server-helper", "test-background"),
)
PLACES = {
    "HOME": "home",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "run",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "share",
    "XDG_RUNTIME_DIR": "xdg",
    "XDG_STATE_HOME": "state",
}
UNSET = (
    "FORCE_COLOR",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "JUPYTER_DEFAULT_PROVISIONER_NAME",
    "JUPYTER_PATH",
    "PYTHONDONTWRITEBYTECODE",  # if set, each process that a test starts compiles all of kerneltui
)
IPYTHON_CONFIG = "c.Completer.use_jedi = False\n"  # Jedi computes for seconds at its first word
PORTS = range(5_000, ports.PORT_RANGE.start)
KEPT = ("*.lock", "keeper-*.sock")  # of this process, and of a keeper; they belong to no kernel


IGNORED_BY_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
GARBAGE = 100_000  # new objects between two garbage collections


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return three workers for each processor: many tests wait more than they compute."""
    return 3 * (os.cpu_count() or 1)


# No time limits of hypothesis: a slow machine is not an error of a test.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    import_quickly()
    for each in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(each) is signal.SIG_IGN:  # as nohup and a shell's "&" start a program
            signal.signal(each, signal.SIG_DFL)
    sys.dont_write_bytecode = False  # or each worker of each run compiles all tests again
    config.option.loadscopereorder = False  # pytest-xdist's: files with many tests first


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import all tests, each worker from another place on, so that it compiles only its share."""
    worker, workers = _place_among_workers()
    if workers == 1 or session.config.args != session.config.getini("testpaths"):
        return
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    start = len(files) * worker // workers
    for file in (*files[start:], *files[:start]):
        name = ".".join(("tests", *file.relative_to(Path(__file__).parent).with_suffix("").parts))
        with contextlib.suppress(Exception, pytest.skip.Exception):  # the collection tells it
            importlib.import_module(name)


def _place_among_workers() -> tuple[int, int]:
    """Return this worker's number, from 0, and how many there are."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name.removeprefix("gw")), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that have only slow tests: a run ends when its last file does."""
    quick = {item.path for item in items if item.get_closest_marker("slow") is None}
    items.sort(key=lambda item: item.path in quick)


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and not in imported modules: it took a third of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)


@pytest.fixture(scope="session")
def places() -> Iterator[Path]:
    """A folder whose path is short, as a unix socket's must have at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="kt-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # a keeper that ends just now removes files, too


def make_places(home: Path) -> dict[str, str]:
    """Make a folder in `home` for each of PLACES; return them by environment variable."""
    for folder in PLACES.values():
        (home / folder).mkdir(mode=0o700, exist_ok=True)
    profile = home / PLACES["IPYTHONDIR"] / "profile_default"
    profile.mkdir(exist_ok=True)
    (profile / "ipython_config.py").write_text(IPYTHON_CONFIG, encoding="utf-8")
    return {name: str(home / folder) for name, folder in PLACES.items()}


def own_ports() -> range:
    """Return ports that nothing else picks: they do not see each other's reservations.

    Neither another worker nor a program that a test runs, which picks from ports.PORT_RANGE.
    """
    worker, workers = _place_among_workers()
    return PORTS[worker::workers]


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user_is_touched(places: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, place in make_places(places).items():
            patch.setenv(name, place)
        for name in UNSET:
            patch.delenv(name, raising=False)
        patch.setattr(ports, "PORT_RANGE", own_ports())
        yield
        _fail_for_survivors(places / "run")


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """Fail the test that leaves a thread, not a later one."""
    before = set(threading.enumerate())
    yield

    def left() -> list[threading.Thread]:
        return [each for each in _our_threads() if each not in before]

    try:
        eventually(lambda: not left())
    except AssertionError:
        pytest.fail(f"left behind: {', '.join(map(_place, left()))}", pytrace=False)


@pytest.fixture(autouse=True)
def no_file_is_left_behind(places: Path) -> Iterator[None]:
    """Fail the test that leaves a file in the runtime folder, not later ones that find it."""
    before = set(_files(places / "run"))
    yield

    def left() -> set[str]:
        return set(_files(places / "run")) - before

    try:
        eventually(lambda: not left())
    except AssertionError:
        pytest.fail(f"left behind: {', '.join(sorted(left()))}", pytrace=False)


def _fail_for_survivors(runtime: Path) -> None:
    for survivors in (_threads, _children, _sockets, lambda: _files(runtime)):
        try:
            eventually(lambda: not survivors())  # noqa: B023 - called in this turn of the loop
        except AssertionError:
            pytest.fail(f"left behind: {', '.join(survivors())}", pytrace=False)


def _our_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith(OUR_THREADS)]


def _threads() -> list[str]:
    return [_place(each) for each in _our_threads()]


def _place(thread: threading.Thread) -> str:
    """Return a thread's name and its stack, outermost call first."""
    frame = sys._current_frames().get(thread.ident or 0)
    calls = traceback.extract_stack(frame) if frame is not None else []
    places = (f"{Path(each.filename).name}:{each.lineno}" for each in calls)
    return f"{thread.name} at {' > '.join(places)}"


def _children() -> list[str]:
    children = psutil.Process().children(recursive=True)
    return [f"process {each.pid} {' '.join(command_line(each)[:4])}" for each in children]


def _sockets() -> list[str]:
    """Return the open sockets of every zmq context, ours and the tests'."""
    import zmq

    gc.collect()
    found = [each for each in gc.get_objects() if isinstance(each, zmq.Socket) and not each.closed]
    return [repr(each) for each in found]


def _files(runtime: Path) -> list[str]:
    found = (path for path in runtime.rglob("*") if not path.is_dir())
    return [str(path) for path in found if not any(map(path.match, KEPT))]


@pytest.fixture
def short_path(places: Path) -> Iterator[Path]:
    """A folder for this test alone, with a path that leaves room for a socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir=places))
    yield folder
    shutil.rmtree(folder)
