"""A kernel of the list in the hands of a client."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.commands.listing import Listed
from kerneltui.commands.living import attached
from kerneltui.errors import KernelError


def test_a_kernel_whose_file_names_no_ports_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "registration_1.json"
    file.write_text('{"registration_port": 4121, "key": "k"}', encoding="utf-8")

    kernel = Listed(
        id="registration_1",
        name="analysis",
        kernelspec="",
        pid=None,
        state="?",
        memory=None,
        cpu_time=None,
        started_at=None,
        cwd="",
        connection_file=str(file),
        origin="positron",
    )

    with pytest.raises(KernelError, match="told its ports only to the program that started it"):
        attached(kernel)
