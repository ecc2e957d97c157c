"""The names, arguments and defaults are the field's; and nothing of the field is imported."""

from __future__ import annotations

import importlib.metadata
import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jupyter_client
import jupyter_client.client
import jupyter_client.manager
import pytest

import kerneltui
import kerneltui.asyncio
from kerneltui import errors
from kerneltui.asyncio import AsyncKernelClient, AsyncKernelManager, AsyncMultiKernelManager
from kerneltui.kernels.connection.session import ClientSession
from kerneltui.protocol.connection import Channel, ConnectionInfo
from kerneltui.protocol.message import PROTOCOL_VERSION

KEY = "c0ffee" * 6 + "c0fe"  # 40 characters, as CurveZMQ wants

MANAGER = (
    *("start_kernel", "shutdown_kernel", "restart_kernel", "interrupt_kernel", "signal_kernel"),
    *("is_alive", "client", "blocking_client", "update_env", "format_kernel_cmd"),
    *("cleanup_resources", "add_restart_callback", "remove_restart_callback"),
    *("get_connection_info", "write_connection_file", "load_connection_file"),
    *("load_connection_info", "cleanup_connection_file", "cleanup_ipc_files"),
    *("cleanup_random_ports", "connect_shell", "connect_iopub", "connect_stdin"),
    *("connect_control", "connect_hb", "request_shutdown", "finish_shutdown"),
    *("start_restarter", "stop_restarter"),
)
MULTI = (
    *("start_kernel", "shutdown_kernel", "restart_kernel", "interrupt_kernel", "signal_kernel"),
    *("is_alive", "list_kernel_ids", "get_kernel", "remove_kernel", "shutdown_all"),
    *("get_connection_info", "connect_iopub", "connect_shell", "connect_stdin"),
    *("connect_control", "connect_hb", "add_restart_callback", "remove_restart_callback"),
    *("update_env", "new_kernel_id", "cleanup_resources", "request_shutdown", "finish_shutdown"),
)
CLIENT = (
    *("start_channels", "stop_channels", "wait_for_ready", "is_alive"),
    *("execute", "execute_interactive"),
    *("complete", "inspect", "history", "is_complete", "comm_info", "kernel_info", "input"),
    "shutdown",
)
SPECS = (
    *("find_kernel_specs", "get_kernel_spec", "get_all_specs"),
    *("install_kernel_spec", "remove_kernel_spec"),
)
ASYNC_MANAGER = (
    *("start_kernel", "shutdown_kernel", "restart_kernel", "interrupt_kernel", "signal_kernel"),
    *("is_alive", "client", "cleanup_resources"),
)
ASYNC_MULTI = (
    *("start_kernel", "shutdown_kernel", "restart_kernel", "interrupt_kernel", "signal_kernel"),
    *("is_alive", "get_kernel", "remove_kernel", "shutdown_all"),
)
FUNCTIONS = ("run_kernel", "find_connection_file", "write_connection_file", "launch_kernel")


def peers_own(name: str, *owners: Any) -> Callable[..., Any]:
    """Return the peer's method as it was written: its blocking ones are wrapped."""
    for owner in owners:
        for spelling in (f"_async_{name}", name):
            found = getattr(owner, spelling, None)
            if found is not None and "args" not in inspect.signature(found).parameters:
                return found  # type: ignore[no-any-return]  # whatever the peer has there
    raise AssertionError(f"the peer has no {name}")


def pairs() -> list[Any]:
    """Return (our callable, the peer's), named."""
    found: list[tuple[Any, str, tuple[Any, ...]]] = [
        *((kerneltui.KernelManager, each, (jupyter_client.KernelManager,)) for each in MANAGER),
        *(
            (kerneltui.MultiKernelManager, each, (jupyter_client.MultiKernelManager,))
            for each in MULTI
        ),
        *(
            (
                kerneltui.KernelSpecManager,
                each,
                (jupyter_client.manager.kernelspec.KernelSpecManager,),
            )
            for each in SPECS
        ),
        *(
            (
                kerneltui.BlockingKernelClient,
                each,
                (jupyter_client.client.KernelClient, jupyter_client.BlockingKernelClient),
            )
            for each in CLIENT
        ),
        *((kerneltui, each, (jupyter_client,)) for each in FUNCTIONS),
        (kerneltui, "start_new_kernel", (jupyter_client.manager,)),
        (kerneltui.asyncio, "start_new_async_kernel", (jupyter_client.manager,)),
        *(
            (ours, each, (jupyter_client.KernelClient, theirs))
            for ours, names, theirs in (
                (AsyncKernelClient, CLIENT, jupyter_client.AsyncKernelClient),
                (AsyncKernelManager, ASYNC_MANAGER, jupyter_client.AsyncKernelManager),
                (AsyncMultiKernelManager, ASYNC_MULTI, jupyter_client.AsyncMultiKernelManager),
            )
            for each in names
        ),
    ]
    return [
        pytest.param(owner, name, peers, id=f"{owner.__name__}.{name}")
        for owner, name, peers in found
    ]


def arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Return {name: default} of the arguments that are named."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: each.default
        for name, each in inspect.signature(function).parameters.items()
        if name != "self" and each.kind not in kinds
    }


def takes_any(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


@pytest.mark.parametrize(("owner", "name", "peers"), pairs())
def test_the_fields_arguments_are_taken_with_the_fields_defaults(
    owner: Any, name: str, peers: tuple[Any, ...]
) -> None:
    ours, theirs = getattr(owner, name), peers_own(name, *peers)

    wanted = arguments(theirs)
    taken = arguments(ours)
    assert {each: taken.get(each) for each in wanted} == wanted
    assert [each for each in taken if each in wanted] == list(wanted)
    assert takes_any(ours) or not takes_any(theirs)


@pytest.mark.parametrize("channel", ["shell", "iopub", "stdin", "control"])
def test_a_message_is_waited_for_without_end_by_default(channel: str) -> None:
    get_msg = getattr(kerneltui.BlockingKernelClient, f"get_{channel}_msg")

    assert arguments(get_msg) == {"timeout": None}


REQUESTS = (
    *("execute", "complete", "inspect", "history", "is_complete", "comm_info", "kernel_info"),
    *("shutdown", "interrupt", "usage", "debug"),
)


@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_can_wait_for_its_reply(name: str) -> None:
    taken = arguments(getattr(kerneltui.BlockingKernelClient, name))

    assert (taken["reply"], taken["timeout"]) == (False, None)


@pytest.mark.parametrize(
    "name",
    [
        *("kernel_name", "kernel_id", "connection_file", "transport", "ip", "shell_port"),
        *("iopub_port", "stdin_port", "hb_port", "control_port", "shutdown_wait_time"),
        *("autorestart", "context", "owns_kernel", "session", "kernel_spec_manager"),
    ],
)
def test_a_managers_arguments_are_its_attributes_as_in_the_field(name: str) -> None:
    manager = kerneltui.KernelManager()

    assert hasattr(manager, name)
    assert hasattr(jupyter_client.KernelManager, name) or name == "owns_kernel"
    kerneltui.KernelManager(**{name: getattr(manager, name)})


@pytest.mark.parametrize(
    ("name", "default"), [("shutdown_wait_time", 5.0), ("transport", "tcp"), ("ip", "127.0.0.1")]
)
def test_a_managers_defaults_are_the_fields(name: str, default: object) -> None:
    assert getattr(kerneltui.KernelManager(), name) == default
    assert getattr(jupyter_client.KernelManager(), name) == default


@pytest.mark.parametrize(
    "owner", [kerneltui.KernelManager, kerneltui.MultiKernelManager, kerneltui.BlockingKernelClient]
)
def test_an_unknown_argument_is_refused_with_those_that_are_known(owner: Any) -> None:
    with pytest.raises(TypeError, match=r"unknown argument 'cache_ports'; known: .*context"):
        owner(cache_ports=True)


def test_every_public_name_can_be_had() -> None:
    assert all(getattr(kerneltui, name) is not None for name in dir(kerneltui))
    assert set(dir(kerneltui)) > set(kerneltui.__all__)


def test_what_is_awaited_can_be_had_as_from_the_field() -> None:
    awaited = {name for name in dir(jupyter_client) if name.startswith("Async")}

    assert {getattr(kerneltui, name) for name in awaited} == {
        AsyncKernelClient,
        AsyncKernelManager,
        AsyncMultiKernelManager,
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("DuplicateKernelError", errors.DuplicateKernel),
        ("NATIVE_KERNEL_NAME", "python3"),
        ("Session", ClientSession),
        ("__version__", importlib.metadata.version("kerneltui")),
        ("protocol_version", PROTOCOL_VERSION),
    ],
)
def test_what_has_another_name_here_has_the_fields_too(theirs: str, ours: object) -> None:
    assert getattr(kerneltui, theirs) == ours


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'kerneltui' has no attribute 'nothing'"):
        kerneltui.nothing  # noqa: B018 - reading it is what is under test


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        ("KernelTimeout", (TimeoutError,)),
        ("ReadyTimeout", (RuntimeError, TimeoutError)),
        ("KernelDied", (RuntimeError,)),
        ("NoSuchKernel", (KeyError,)),
        ("ActionRefused", (RuntimeError,)),
        ("WrongThread", (RuntimeError,)),
        ("ChannelNotOpen", (RuntimeError,)),
        ("LaunchError", (OSError,)),
        ("CommandNotFound", (errors.LaunchError, FileNotFoundError)),
        ("CommandForbidden", (errors.LaunchError, PermissionError)),
        ("ConnectionFileUnavailable", (errors.ConnectionFileError, OSError)),
        ("ConnectionFileNotFound", (errors.ConnectionFileUnavailable, FileNotFoundError)),
        ("ConnectionFileForbidden", (errors.ConnectionFileUnavailable, PermissionError)),
        ("KernelSpecFileNotFound", (errors.InvalidKernelSpec, FileNotFoundError)),
        ("InvalidSignature", (ValueError,)),
    ],
)
def test_an_error_is_caught_by_what_the_field_raises_there(
    error: str, fields: tuple[type, ...]
) -> None:
    kind = getattr(errors, error)

    assert issubclass(kind, (errors.KernelError,))
    assert all(issubclass(kind, each) for each in fields)


# -- secrets ------------------------------------------------------------------------


def shown() -> list[str]:
    """Return everything that a debugger, a log or a traceback may show of a key's owners."""
    ports = dict.fromkeys(Channel, 1)
    key = KEY.encode()
    info = ConnectionInfo(
        "tcp", "127.0.0.1", ports, key=key, curve_publickey=key, curve_secretkey=key
    )
    manager, client = kerneltui.KernelManager(), kerneltui.BlockingKernelClient()
    for owner in (manager, client):
        owner.load_connection_info(info.to_dict())
    return [text(each) for each in (info, manager, client, client.session) for text in (repr, str)]


def test_keys_are_not_shown() -> None:
    assert not [text for text in shown() if KEY in text]


@pytest.mark.parametrize(
    "wrong", [{"transport": "udp"}, {"shell_port": -1}, {"ip": 5}, {"signature_scheme": "md5"}]
)
def test_keys_are_in_no_error(wrong: dict[str, object]) -> None:
    client = kerneltui.BlockingKernelClient()
    info: dict[str, Any] = {"key": KEY, "curve_secretkey": KEY, "curve_publickey": KEY, **wrong}

    with pytest.raises(kerneltui.ConnectionFileError) as caught:
        client.load_connection_info(info)

    assert KEY not in repr(caught.value) + str(caught.value)


# -- what is imported ---------------------------------------------------------------

FOREIGN = ("jupyter_client", "tornado", "traitlets", "textual", "ipykernel")


def imported_by(code: str) -> set[str]:
    """Return the modules, of FOREIGN and of asyncio, that a program with this code imports."""
    check = f"{code}\nimport sys\nprint(*(set(sys.modules) & set({FOREIGN!r})))"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_library_imports_nothing_of_the_field() -> None:
    assert imported_by("from kerneltui import *") == set()


def test_importing_the_asyncio_face_imports_nothing_of_the_field() -> None:
    assert imported_by("from kerneltui.asyncio import run_kernel") == set()


def test_a_bare_import_loads_no_sockets() -> None:
    code = "import sys, kerneltui\nassert not {'zmq', 'psutil', 'asyncio'} & set(sys.modules)"

    assert imported_by(code) == set()


@pytest.mark.slow
def test_running_a_kernel_imports_nothing_of_the_field() -> None:
    code = (
        "from kerneltui import run_kernel\n"
        "with run_kernel() as client: client.execute('1', reply=True, timeout=30)"
    )

    assert imported_by(code) == set()
