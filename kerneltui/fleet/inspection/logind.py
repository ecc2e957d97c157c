"""Whether this host ends a user's processes at logout, detached ones too; logind.conf(5)."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable
from pathlib import Path

ETC, RUN, LIB = Path("/etc/systemd"), Path("/run/systemd"), Path("/usr/lib/systemd")
LINGER = Path("/var/lib/systemd/linger")
CGROUP = Path("/proc/self/cgroup")
ADVICE = (
    "this host ends your processes at logout (KillUserProcesses=yes), kernels as well; they "
    "are kept by: loginctl enable-linger; systemd-run --user --scope kerneltui"
)

_SETTING = re.compile(r"^[ \t]*+KillUserProcesses\s*=\s*(\S*)", re.MULTILINE)
_YES = frozenset({"yes", "true", "on", "1"})


def logout_warning() -> str:
    """Return what to tell the user before kernels are started; empty if they are kept."""
    kills = kills_at_logout(_texts())
    return ADVICE if kills and not is_kept(_read(CGROUP), LINGER / getpass.getuser()) else ""


def kills_at_logout(texts: Iterable[str]) -> bool:
    """Tell what the configuration says; `texts`: of its files, a later one overrules."""
    found = [value for text in texts for value in _SETTING.findall(text)]
    return bool(found) and found[-1].lower() in _YES


def is_kept(cgroup: str, linger: Path) -> bool:
    """Tell whether processes of ours outlive the session: they are the lingering user manager's."""
    return "/user@" in cgroup and linger.exists()


def _texts() -> list[str]:
    """Return the configuration's texts: the main file, then the drop-ins by their names."""
    drop_ins = {
        path.name: path
        for folder in (LIB, RUN, ETC)  # of one name, the last counts
        for path in (folder / "logind.conf.d").glob("*.conf")
    }
    return [_read(path) for path in (ETC / "logind.conf", *map(drop_ins.get, sorted(drop_ins)))]


def _read(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text("utf-8", "replace")
    except OSError:
        return ""
