"""Runs inside a kernel: finds out whether a cell waits for input.

It is sent as text, and run by any Python from 3.8 on. Rules: no code of the user's runs, no lock
is taken, and nothing is kept.
"""

from __future__ import annotations

import json
import sys
import threading

from kerneltui.fleet.diagnosis.inside.stacks import calls

PROMPT = 200  # characters


def prompt() -> str:
    """Return a JSON list: the main thread's prompt and whether it is for a password, or []."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    for each in calls(frame):
        code = each.f_code
        if code.co_name == "_input_request" and code.co_filename.endswith("kernelbase.py"):
            text, password = each.f_locals.get("prompt"), each.f_locals.get("password")
            return json.dumps([text[:PROMPT] if type(text) is str else "", password is True])
    return json.dumps([])
