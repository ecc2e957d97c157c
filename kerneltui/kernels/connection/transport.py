"""How the dashboard's kernels are reached: where nobody else on the host can listen."""

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
    """Those arguments of KernelManager that say how its kernel is reached."""

    transport: str
    transport_encryption: str


def choose_transport(
    arguments: Mapping[str, Any], wanted: Transport = "auto"
) -> TransportArguments:
    """Return how a kernel is to be reached.

    Without a wish ipc where the kernel can: anybody on the host may subscribe to a tcp
    kernel's output. Else tcp, encrypted where the kernelspec says that it can.
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
    """Tell whether a kernel takes ipc endpoints: ipykernel does; others may say so.

    Many do not (Almond, Deno, xeus-python), and a kernelspec has no standard word for it,
    so theirs is `"supported_transports": ["ipc"]` in its metadata. An ipykernel behind
    another command may run elsewhere: in a container, say, where our folder is not.
    """
    supported = spec.metadata.get("supported_transports")
    return _launches_ipykernel(spec.argv) or (isinstance(supported, list) and "ipc" in supported)


def _launches_ipykernel(argv: Sequence[str]) -> bool:
    return PurePath(argv[0]).name.startswith("python") and any(
        option == "-m" and module in IPYKERNEL_MODULES for option, module in pairwise(argv)
    )
