"""What a scripted server tells about its kernels."""

from __future__ import annotations

from kerneltui.kernels.gateway.models import KernelModel, SessionModel


def model(
    kernel_id: str = "k-1",
    state: str = "idle",
    *,
    at: float | None = 1_000.0,
    connections: int = 0,
    reason: str = "",
) -> KernelModel:
    """`at`: the last activity, in seconds since the epoch."""
    return KernelModel(kernel_id, "python3", state, connections, at, reason)


def notebook(path: str, kernel_id: str = "k-1", kind: str = "notebook") -> SessionModel:
    return SessionModel(f"s-{path}", path, path, kind, model(kernel_id))
