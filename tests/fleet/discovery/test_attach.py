"""How a kernel of others comes to have a manager here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltui.errors import KernelError
from kerneltui.fleet.discovery.attach import following_manager


def test_a_kernel_whose_file_names_no_ports_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "registration_1.json"
    file.write_text('{"registration_port": 4121, "key": "k"}', encoding="utf-8")

    with pytest.raises(KernelError, match="told its ports only to the program that started it"):
        following_manager(str(file), "registration_1", "", None)
