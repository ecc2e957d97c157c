"""Start, signal, restart and stop Jupyter kernels, and talk to them.

The names, arguments and shapes are those of `jupyter_client`'s managers. Each loads when
it is first used, so that the dashboard can paint before any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerneltui.errors import ActionRefused as ActionRefused
    from kerneltui.errors import ConnectionFileError as ConnectionFileError
    from kerneltui.errors import DuplicateKernel as DuplicateKernel
    from kerneltui.errors import InvalidKernelSpec as InvalidKernelSpec
    from kerneltui.errors import InvalidSignature as InvalidSignature
    from kerneltui.errors import KernelDied as KernelDied
    from kerneltui.errors import KernelError as KernelError
    from kerneltui.errors import KernelTimeout as KernelTimeout
    from kerneltui.errors import LaunchError as LaunchError
    from kerneltui.errors import MalformedMessage as MalformedMessage
    from kerneltui.errors import NoSuchKernel as NoSuchKernel
    from kerneltui.errors import ProtocolError as ProtocolError
    from kerneltui.errors import ReadyTimeout as ReadyTimeout
    from kerneltui.errors import ReplayedMessage as ReplayedMessage
    from kerneltui.errors import UnsignedMessage as UnsignedMessage
    from kerneltui.errors import WrongThread as WrongThread
    from kerneltui.kernels.client.client import BlockingKernelClient as BlockingKernelClient
    from kerneltui.kernels.connection.connection_file import (
        find_connection_file as find_connection_file,
    )
    from kerneltui.kernels.connection.connection_file import (
        write_connection_file as write_connection_file,
    )
    from kerneltui.kernels.management.manager import KernelManager as KernelManager
    from kerneltui.kernels.management.multi import MultiKernelManager as MultiKernelManager
    from kerneltui.kernels.management.run import run_kernel as run_kernel
    from kerneltui.kernels.management.run import start_new_kernel as start_new_kernel
    from kerneltui.kernels.specs.spec_manager import KernelSpec as KernelSpec
    from kerneltui.kernels.specs.spec_manager import KernelSpecManager as KernelSpecManager

_ERRORS = (
    *("ActionRefused", "ConnectionFileError", "DuplicateKernel", "InvalidKernelSpec"),
    *("InvalidSignature", "KernelDied", "KernelError", "KernelTimeout", "LaunchError"),
    *("MalformedMessage", "NoSuchKernel", "ProtocolError", "ReadyTimeout", "ReplayedMessage"),
    *("UnsignedMessage", "WrongThread"),
)
_HOMES = {
    **dict.fromkeys(_ERRORS, "kerneltui.errors"),
    "BlockingKernelClient": "kerneltui.kernels.client.client",
    "KernelManager": "kerneltui.kernels.management.manager",
    "KernelSpec": "kerneltui.kernels.specs.spec_manager",
    "KernelSpecManager": "kerneltui.kernels.specs.spec_manager",
    "MultiKernelManager": "kerneltui.kernels.management.multi",
    "find_connection_file": "kerneltui.kernels.connection.connection_file",
    "run_kernel": "kerneltui.kernels.management.run",
    "start_new_kernel": "kerneltui.kernels.management.run",
    "write_connection_file": "kerneltui.kernels.connection.connection_file",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kerneltui' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES)
