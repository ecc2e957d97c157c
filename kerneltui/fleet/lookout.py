"""Lookout: one thread that looks at what others do on this host, again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

INTERVAL = 1.0  # seconds between two looks

_log = logging.getLogger(__name__)


class Lookout:
    """Calls `looks` in turn, at once and then each second."""

    def __init__(self, looks: Sequence[Callable[[], None]]) -> None:
        self._looks = looks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="discovery", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            for look in self._looks:
                try:
                    look()
                except Exception:  # noqa: BLE001 - a defect of ours must not end all looking
                    _log.exception("looking at this host's kernels failed")
            if self._stopped.wait(INTERVAL):
                return
