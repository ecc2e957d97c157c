"""What a template tells, as packets."""

from __future__ import annotations

import os
import sys

import pytest

from kerneltui.kernels.templates.events import event_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


def test_a_fork_whose_descriptors_found_no_room_is_not_told() -> None:
    reader, writer = os.pipe()

    event = event_of(b'["forked", 1, 2, 3]', [writer])

    assert event is None
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b""  # what came of them is closed
