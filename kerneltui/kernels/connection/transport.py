"""Choose the transport of the dashboard's kernels: one that other users cannot listen to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import Any, TypedDict

from kerneltui.errors import KernelError
from kerneltui.kernels.connection.ipc import private_folder
from kerneltui.kernels.specs.spec_manager import KernelSpec, KernelSpecManager
from kerneltui.protocol.connection import Transport

IPYKERNEL_MODULES = ("ipykernel", "ipykernel_launcher")

_log = logging.getLogger(__name__)


class TransportArguments(TypedDict, total=False):
    """The arguments of KernelManager that say how its kernel is reached."""

    transport: str
    transport_encryption: str


def choose_transport(
    arguments: Mapping[str, Any], wanted: Transport = "auto"
) -> TransportArguments:
    """Return the transport arguments for a kernel.

    With "auto" it is ipc if the kernel supports that: any user of the host may subscribe to the
    output of a kernel over tcp. Otherwise it is tcp, encrypted if the kernelspec says that the
    kernel supports encryption.
    """
    specs: KernelSpecManager = arguments["kernel_spec_manager"]
    tcp: TransportArguments = {"transport": "tcp", "transport_encryption": "auto"}
    if wanted == "ipc":
        return {"transport": "ipc"}
    if wanted == "tcp" or not speaks_ipc(specs.get_kernel_spec(arguments["kernel_name"])):
        return tcp
    try:
        private_folder()
    except KernelError as error:
        _log.warning("kernels are reached over tcp instead of ipc: %s", error)
        return tcp
    return {"transport": "ipc"}


def speaks_ipc(spec: KernelSpec) -> bool:
    """Tell whether a kernel supports ipc: ipykernel does, others may say so.

    Many do not (Almond, Deno, xeus-python). A kernelspec has no standard field for it, so other
    kernels say it by `"supported_transports": ["ipc"]` in its metadata. An ipykernel behind another
    command may run elsewhere, for example in a container that does not have our folder.
    """
    supported = spec.metadata.get("supported_transports")
    return _launches_ipykernel(spec.argv) or (isinstance(supported, list) and "ipc" in supported)


def _launches_ipykernel(argv: Sequence[str]) -> bool:
    return PurePath(argv[0]).name.startswith("python") and any(
        option == "-m" and module in IPYKERNEL_MODULES for option, module in pairwise(argv)
    )
