"""How the dashboard's kernels are reached: where nobody else on the host can listen."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from kerneltui.errors import KernelError
from kerneltui.kernels.ipc import private_folder
from kerneltui.kernels.spec import KernelSpec, KernelSpecManager

_log = logging.getLogger(__name__)


def choose_transport(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the KernelManager arguments that say how its kernel is reached.

    ipc where the kernel can: anybody on the host may subscribe to a tcp kernel's output.
    Else tcp, encrypted where the kernelspec says that it can.
    """
    specs: KernelSpecManager = arguments["kernel_spec_manager"]
    tcp = {"transport": "tcp", "transport_encryption": "auto"}
    if not speaks_ipc(specs.get_kernel_spec(arguments["kernel_name"])):
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
    so theirs is `"supported_transports": ["ipc"]` in its metadata.
    """
    if any(argument.startswith("ipykernel") for argument in spec.argv):
        return True
    supported = spec.metadata.get("supported_transports")
    return isinstance(supported, list) and "ipc" in supported
