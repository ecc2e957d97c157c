"""Kernels are reached where nobody else can listen, as far as they can be."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from kerneltui.errors import KernelError, NoSuchKernel
from kerneltui.kernels.connection import transport
from kerneltui.kernels.connection.transport import choose_transport
from kerneltui.kernels.specs.spec_manager import KernelSpecManager
from kerneltui.protocol.connection import Transport

IPC = {"transport": "ipc"}
TCP = {"transport": "tcp", "transport_encryption": "auto"}
IPYKERNEL = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
OTHER = ["other", "{connection_file}"]


def arguments(folder: Path, argv: list[str], **fields: Any) -> dict[str, Any]:
    """Return what a KernelManager of such a kernelspec would be made with."""
    spec = folder / "some"
    spec.mkdir()
    content = {"argv": argv, "display_name": "Some", "language": "none", **fields}
    (spec / "kernel.json").write_text(json.dumps(content), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)
    return {"kernel_name": "some", "kernel_spec_manager": specs}


@pytest.mark.parametrize(
    ("argv", "metadata", "chosen"),
    [
        (IPYKERNEL, {}, IPC),
        (["/opt/bin/python3.12", "-Xfrozen_modules=off", *IPYKERNEL[1:]], {}, IPC),
        (["python", "-m", "ipykernel", "-f", "{connection_file}"], {}, IPC),
        (["python", "-m", "ipykernel_of_mine", "{connection_file}"], {}, TCP),
        (["python", "-m", "bash_kernel", "-f", "{connection_file}"], {}, TCP),
        (["docker", "run", "image", *IPYKERNEL], {}, TCP),
        (["ssh", "host", *IPYKERNEL], {}, TCP),
        (OTHER, {}, TCP),
        (OTHER, {"supported_transports": ["tcp", "ipc"]}, IPC),
        (OTHER, {"supported_transports": ["tcp"]}, TCP),
        (OTHER, {"supported_transports": "ipc"}, TCP),
    ],
)
def test_ipc_is_chosen_where_the_kernel_takes_it(
    tmp_path: Path, argv: list[str], metadata: dict[str, Any], chosen: dict[str, str]
) -> None:
    assert choose_transport(arguments(tmp_path, argv, metadata=metadata)) == chosen


@pytest.mark.parametrize(("wanted", "chosen"), [("ipc", IPC), ("tcp", TCP)])
@pytest.mark.parametrize("argv", [IPYKERNEL, OTHER], ids=["ipykernel", "other"])
def test_a_wish_is_granted_whatever_the_kernel(
    tmp_path: Path, argv: list[str], wanted: Transport, chosen: dict[str, str]
) -> None:
    assert choose_transport(arguments(tmp_path, argv), wanted) == chosen


def test_falling_back_to_tcp_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> Path:
        raise KernelError("no folder holds sockets")

    monkeypatch.setattr(transport, "private_folder", refuse)

    chosen = choose_transport(arguments(tmp_path, IPYKERNEL))

    assert chosen == TCP
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.WARNING, "kernels are reached over tcp instead of ipc: no folder holds sockets")
    ]


def test_an_unknown_kernelspec_is_an_error(tmp_path: Path) -> None:
    asked = {**arguments(tmp_path, OTHER), "kernel_name": "unknown"}

    with pytest.raises(NoSuchKernel):
        choose_transport(asked)
