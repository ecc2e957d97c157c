from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerneltui.errors import KernelError
from kerneltui.kernels.connection import ipc

KERNEL_ID = "3f2a9c1b-77de-4c0a-9d1e-5f3b8a6c2d10"


@pytest.fixture
def root() -> Iterator[Path]:
    """A scratch folder of a short path, as pytest's own may be too long for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def runtime(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Jupyter runtime directory; no other place is tried."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(root / "r"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(ipc, "SHARED_FOLDERS", ())
    return root / "r"


@pytest.fixture
def folder(runtime: Path) -> Path:
    """Where the private folder will be; its parent exists."""
    runtime.mkdir(mode=0o700)
    return runtime / "kerneltui-ipc"


@pytest.fixture
def short(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private folder would be in a stand-in for /var/tmp."""
    monkeypatch.setattr(ipc, "SHARED_FOLDERS", (str(root),))
    return root / f"kerneltui-{os.geteuid()}"


def test_the_private_folder_is_open_to_its_owner_only() -> None:
    assert stat.S_IMODE(ipc.private_folder().stat().st_mode) == 0o700


def test_the_proof_that_it_holds_sockets_leaves_nothing_behind() -> None:
    assert list(ipc.private_folder().iterdir()) == []


def test_a_folder_that_was_open_to_others_is_closed(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)

    assert stat.S_IMODE(ipc.private_folder().stat().st_mode) == 0o700


def test_a_link_in_the_folders_place_is_refused(folder: Path, root: Path) -> None:
    folder.symlink_to(root)

    with pytest.raises(KernelError, match="kerneltui-ipc"):
        ipc.private_folder()


def test_a_link_to_itself_in_the_folders_place_is_left_for_another(
    folder: Path, short: Path
) -> None:
    folder.symlink_to(folder)

    assert ipc.private_folder() == short


def test_a_file_in_the_folders_place_is_refused(folder: Path) -> None:
    folder.touch()

    with pytest.raises(KernelError, match="kerneltui-ipc"):
        ipc.private_folder()


def test_somebody_elses_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)

    with pytest.raises(KernelError, match="belongs to another user"):
        ipc.private_folder()


def test_a_mode_that_cannot_be_tightened_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)

    with pytest.raises(KernelError, match="open to others"):
        ipc.private_folder()


def test_a_folder_that_anyone_may_replace_is_refused(folder: Path) -> None:
    folder.parent.chmod(0o777)

    with pytest.raises(KernelError, match="anyone may replace it"):
        ipc.private_folder()


def test_a_file_system_without_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ipc, "_hold_a_socket", refuse)

    with pytest.raises(KernelError, match="Operation not permitted"):
        ipc.private_folder()


def test_a_long_path_is_left_for_a_short_one(
    root: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(root / ("r" * ipc.MAX_SOCKET_PATH)))

    assert ipc.private_folder() == short


def test_a_folder_that_is_wiped_at_logout_is_left_for_one_that_is_not(
    runtime: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))

    assert ipc.private_folder() == short


def test_a_socket_path_of_the_longest_length_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ipc.private_folder()
    monkeypatch.setattr(ipc, "MAX_SOCKET_PATH", len(f"{folder}/0123456789ab-5"))

    assert ipc.private_folder() == folder


def test_a_socket_path_one_byte_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ipc.private_folder()
    monkeypatch.setattr(ipc, "MAX_SOCKET_PATH", len(f"{folder}/0123456789ab-5") - 1)

    with pytest.raises(KernelError, match="bytes, over"):
        ipc.private_folder()


def test_an_ip_begins_with_the_kernels_id(runtime: Path) -> None:
    assert ipc.new_ipc_ip(KERNEL_ID) == str(runtime / "kerneltui-ipc" / "3f2a9c1b77de")


def test_an_ip_of_a_picked_id_holds_nothing_of_it() -> None:
    assert "mine" not in Path(ipc.new_ipc_ip("../mine")).name


def test_an_ip_whose_sockets_exist_is_not_given_again() -> None:
    ip = ipc.new_ipc_ip(KERNEL_ID)
    Path(f"{ip}-3").touch()

    assert ipc.new_ipc_ip(KERNEL_ID) != ip


def test_sockets_that_a_kernel_left_are_removed(runtime: Path) -> None:
    ip = ipc.new_ipc_ip(KERNEL_ID)
    with socket.socket(socket.AF_UNIX) as kernel:
        kernel.bind(f"{ip}-2")

    ipc.remove_ipc_sockets(ip, range(1, 6))

    assert list(runtime.joinpath("kerneltui-ipc").iterdir()) == []


def test_a_file_that_is_no_socket_is_not_removed() -> None:
    ip = ipc.new_ipc_ip(KERNEL_ID)
    Path(f"{ip}-2").touch()

    ipc.remove_ipc_sockets(ip, range(1, 6))

    assert Path(f"{ip}-2").exists()
