"""Where other hosts may look as well is told by how a folder is mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.fleet.manifests import mounts as mounts_module
from kerneltui.fleet.manifests.mounts import is_shared
from kerneltui.tui.app import library_fleet
from kerneltui.tui.config.config import Config

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:40 / /home rw,relatime - nfs4 server:/home rw
24 22 8:2 / /home/local rw,relatime - xfs /dev/sdb1 rw
25 22 0:41 /volumes/x /data rw,relatime - ext4 /dev/sda1 rw
26 22 0:42 /@home /sub rw,relatime - btrfs /dev/sdc1 rw
27 22 0:43 / /mnt/with\\040blank rw - fuse.sshfs host:/ rw
28 22 0:44 / /over rw - nfs host:/ rw
29 22 0:45 / /over rw - tmpfs none rw
broken
"""


def test_a_dashboard_tells_of_a_runtime_folder_that_others_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    tmp_path.chmod(0o777)

    (notice,) = library_fleet(Config()).take_notices()

    assert f"other users can put files into {tmp_path}" in notice.text


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        ("/root", False),
        ("/home/ana/runtime", True),
        ("/home/local/ana", False),
        ("/data/run", True),  # a part of a file system, as a container's volumes are
        ("/sub/ana", False),
        ("/mnt/with blank/x", True),
        ("/over/x", False),  # the later mount covers the earlier
    ],
)
def test_a_folder_is_shared_as_its_mount_is(
    folder: str, shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    monkeypatch.setattr(mounts_module, "MOUNTS", mounts)

    assert is_shared.__wrapped__(Path(folder)) is shared


def test_without_a_list_of_mounts_no_folder_counts_as_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts_module, "MOUNTS", tmp_path / "none")

    assert not is_shared.__wrapped__(tmp_path)
