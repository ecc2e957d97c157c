"""Start, signal, restart and stop Jupyter kernels, and talk to them.

The names, arguments and shapes are those of `jupyter_client`'s managers. Each name is loaded
when it is first used, so that the dashboard can paint before the library is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerneltui.asyncio import AsyncKernelClient as AsyncKernelClient
    from kerneltui.asyncio import AsyncKernelManager as AsyncKernelManager
    from kerneltui.asyncio import AsyncMultiKernelManager as AsyncMultiKernelManager
    from kerneltui.asyncio import start_new_async_kernel as start_new_async_kernel
    from kerneltui.errors import ActionRefused as ActionRefused
    from kerneltui.errors import ChannelNotOpen as ChannelNotOpen
    from kerneltui.errors import CommandForbidden as CommandForbidden
    from kerneltui.errors import CommandNotFound as CommandNotFound
    from kerneltui.errors import ConnectionFileError as ConnectionFileError
    from kerneltui.errors import ConnectionFileForbidden as ConnectionFileForbidden
    from kerneltui.errors import ConnectionFileNotFound as ConnectionFileNotFound
    from kerneltui.errors import ConnectionFileUnavailable as ConnectionFileUnavailable
    from kerneltui.errors import DuplicateKernel as DuplicateKernel
    from kerneltui.errors import InvalidKernelSpec as InvalidKernelSpec
    from kerneltui.errors import InvalidSignature as InvalidSignature
    from kerneltui.errors import KernelDied as KernelDied
    from kerneltui.errors import KernelError as KernelError
    from kerneltui.errors import KernelSpecFileNotFound as KernelSpecFileNotFound
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
    from kerneltui.kernels.client.client import KernelClient as KernelClient
    from kerneltui.kernels.connection.connection_file import (
        ConnectionFileMixin as ConnectionFileMixin,
    )
    from kerneltui.kernels.connection.connection_file import (
        find_connection_file as find_connection_file,
    )
    from kerneltui.kernels.connection.connection_file import (
        write_connection_file as write_connection_file,
    )
    from kerneltui.kernels.connection.session import ClientSession
    from kerneltui.kernels.gateway.manager import GatewayKernelManager as GatewayKernelManager
    from kerneltui.kernels.management.launch import launch_kernel as launch_kernel
    from kerneltui.kernels.management.manager import KernelManager as KernelManager
    from kerneltui.kernels.management.multi import MultiKernelManager as MultiKernelManager
    from kerneltui.kernels.management.run import run_kernel as run_kernel
    from kerneltui.kernels.management.run import start_new_kernel as start_new_kernel
    from kerneltui.kernels.specs.spec_manager import NATIVE_KERNEL_NAME as NATIVE_KERNEL_NAME
    from kerneltui.kernels.specs.spec_manager import KernelSpec as KernelSpec
    from kerneltui.kernels.specs.spec_manager import KernelSpecManager as KernelSpecManager
    from kerneltui.kernels.specs.spec_manager import find_kernel_specs as find_kernel_specs
    from kerneltui.kernels.specs.spec_manager import get_kernel_spec as get_kernel_spec
    from kerneltui.kernels.specs.spec_manager import install_kernel_spec as install_kernel_spec

    DuplicateKernelError = DuplicateKernel
    Session = ClientSession
    protocol_version: str
    __version__: str

_ERRORS = (
    *("ActionRefused", "ChannelNotOpen", "CommandForbidden", "CommandNotFound"),
    *("ConnectionFileError", "ConnectionFileForbidden", "ConnectionFileNotFound"),
    *("ConnectionFileUnavailable", "DuplicateKernel", "InvalidKernelSpec", "InvalidSignature"),
    *("KernelDied", "KernelError"),
    *("KernelSpecFileNotFound", "KernelTimeout", "LaunchError", "MalformedMessage"),
    *("NoSuchKernel", "ProtocolError", "ReadyTimeout", "ReplayedMessage", "UnsignedMessage"),
    "WrongThread",
)
_SPECS = (
    *("NATIVE_KERNEL_NAME", "KernelSpec", "KernelSpecManager", "find_kernel_specs"),
    *("get_kernel_spec", "install_kernel_spec"),
)
_CONNECTIONS = ("ConnectionFileMixin", "find_connection_file", "write_connection_file")
_HOMES = {
    **dict.fromkeys(_ERRORS, "kerneltui.errors"),
    **dict.fromkeys(_SPECS, "kerneltui.kernels.specs.spec_manager"),
    **dict.fromkeys(_CONNECTIONS, "kerneltui.kernels.connection.connection_file"),
    "BlockingKernelClient": "kerneltui.kernels.client.client",
    "DuplicateKernelError": "kerneltui.errors",
    "GatewayKernelManager": "kerneltui.kernels.gateway.manager",
    "KernelClient": "kerneltui.kernels.client.client",
    "KernelManager": "kerneltui.kernels.management.manager",
    "MultiKernelManager": "kerneltui.kernels.management.multi",
    "Session": "kerneltui.kernels.connection.session",
    "launch_kernel": "kerneltui.kernels.management.launch",
    "protocol_version": "kerneltui.protocol.message",
    "run_kernel": "kerneltui.kernels.management.run",
    "start_new_kernel": "kerneltui.kernels.management.run",
}
_APART = {
    "__version__": "kerneltui.version",
    "AsyncKernelClient": "kerneltui.asyncio",
    "AsyncKernelManager": "kerneltui.asyncio",
    "AsyncMultiKernelManager": "kerneltui.asyncio",
    "start_new_async_kernel": "kerneltui.asyncio",
}
"""Names that `import *` leaves out, as they take long to load."""
_OUR_NAMES = {
    "DuplicateKernelError": "DuplicateKernel",
    "Session": "ClientSession",
    "protocol_version": "PROTOCOL_VERSION",
}
"""Names of `jupyter_client`, each with our other name for the same thing."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or _APART.get(name)
    if home is None:
        raise AttributeError(f"module 'kerneltui' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(home), _OUR_NAMES.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOMES | _APART)
