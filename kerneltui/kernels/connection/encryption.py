"""Decide whether a kernel is started with CurveZMQ."""

from __future__ import annotations

from kerneltui.errors import ActionRefused
from kerneltui.kernels.specs.spec_manager import KernelSpec

POLICIES = ("disabled", "auto", "required")


def wants_curve(policy: str, transport: str, spec: KernelSpec) -> bool:
    """Tell whether a kernel gets curve keys. Raises ActionRefused if it must and cannot."""
    if policy not in POLICIES:
        raise ValueError(f"transport_encryption is {policy!r}; known are {', '.join(POLICIES)}")
    supported = spec.metadata.get("supported_encryption")
    able = isinstance(supported, list) and "curve" in supported
    if policy == "required" and not able:
        raise ActionRefused(
            f"cannot start kernel spec {spec.name!r}: encryption is required, and its"
            " metadata.supported_encryption does not list curve"
        )
    # Over ipc no other user reaches the sockets.
    return able and (policy == "required" or (policy == "auto" and transport == "tcp"))
