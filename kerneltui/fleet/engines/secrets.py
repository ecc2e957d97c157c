"""Looks up the token and the password of a server, where the user's settings say they are."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

from kerneltui.errors import KernelError
from kerneltui.fleet.engines.settings import ServerSettings
from kerneltui.fleet.model.masking import MASK, mask_text
from kerneltui.protocol.text import clean_line

PATIENCE = 10.0  # seconds for a command to print a token
MAX_WORDS = 200  # characters of what it prints on stderr


def token_of(server: ServerSettings) -> str:
    """Return the token, read anew each time. May block. Raises KernelError.

    "" if the settings name none.
    """
    if server.token_command:
        return _printed_token(server)
    return _variable(server, server.token_env) if server.token_env else server.token


def password_of(server: ServerSettings) -> str:
    """Return the password; "" if the settings name none. Raises KernelError."""
    return _variable(server, server.password_env) if server.password_env else ""


def _variable(server: ServerSettings, name: str) -> str:
    if not (value := os.environ.get(name, "")):
        shown = clean_line(name, 80)
        raise KernelError(f"server {server.name}: the environment variable {shown} is not set")
    return value


def _printed_token(server: ServerSettings) -> str:
    what = f"server {server.name}: {clean_line(server.token_command[0], 80)} (its token_command)"
    try:
        # In a session of its own: it must not ask at the terminal, which a dashboard may own.
        process = subprocess.Popen(
            server.token_command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its words cannot be used"
        raise KernelError(f"{what} cannot be run: {why}") from None
    with process:
        try:
            printed, complaint = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
            raise KernelError(f"{what} has not printed a token within {PATIENCE:g} s") from None
    token = printed.decode("utf-8", "replace").partition("\n")[0].strip()
    if process.returncode or not token:
        failed = (
            f"failed with code {process.returncode}" if process.returncode else "printed no token"
        )
        raise KernelError(": ".join(filter(None, (f"{what} {failed}", _words(complaint, token)))))
    return token


def _words(complaint: bytes, token: str) -> str:
    text = complaint.decode("utf-8", "replace")
    return clean_line(mask_text(text.replace(token, MASK) if token else text), MAX_WORDS).strip()
