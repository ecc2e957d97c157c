"""Who started a kernel is told by its file's name and its parent."""

from __future__ import annotations

import pytest

from kerneltui.fleet.model.origin import Origin, Parent, is_server_command, origin_of

UUID = "kernel-f9106175-889b-4adf-8518-009392b8022d"
VSCODE = "kernel-v30a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
SHELL = Parent(5, "bash", "-bash")


@pytest.mark.parametrize(
    ("stem", "parent", "origin"),
    [
        (UUID, Parent(77, is_server=True), Origin.SERVER),
        (UUID, Parent(1, "init"), Origin.ORPHAN),
        (UUID, Parent(900, "systemd", "/lib/systemd/systemd --user"), Origin.ORPHAN),
        (UUID, SHELL, Origin.UNKNOWN),
        (UUID, None, Origin.UNKNOWN),
        (VSCODE, SHELL, Origin.VSCODE),
        (VSCODE, None, Origin.VSCODE),
        (VSCODE, Parent(1), Origin.ORPHAN),
        ("kernel-0a1b2c3d4e5f", SHELL, Origin.SPYDER),
        ("kernel-123456789012", SHELL, Origin.UNKNOWN),  # a pid, of who is gone
        ("kernel-5", SHELL, Origin.CONSOLE),
        ("kernel-6", SHELL, Origin.UNKNOWN),  # by hand: it is called by its own pid
        ("kernel-6", Parent(5, "python3", "python3 -m jupyter_console"), Origin.CONSOLE),
        ("kernel-6", Parent(5, "python3", "/bin/jupyter-console --kernel x"), Origin.CONSOLE),
        ("connection_r-5bf2", Parent(5, "kcserver"), Origin.POSITRON),
        (UUID, Parent(5, "kcserver", "/opt/positron/kcserver"), Origin.POSITRON),
        (UUID, Parent(5, "python", "/usr/bin/python /usr/bin/spyder"), Origin.SPYDER),
        (UUID, Parent(5, "node", "/home/a/.vscode-server/node"), Origin.VSCODE),
    ],
)
def test_the_origin_is_told_by_file_and_parent(
    stem: str, parent: Parent | None, origin: Origin
) -> None:
    assert origin_of(stem, parent) is origin


@pytest.mark.parametrize(
    ("command", "is_server"),
    [
        ("/venv/bin/python /venv/bin/jupyter-lab --no-browser", True),
        ("python -m jupyter_server --port 8888", True),
        ("/usr/bin/python3 /usr/bin/jupyter-notebook", True),
        ("python /opt/bin/jupyterhub-singleuser --port=41", True),
        ("python -m notebook", True),
        ("/bin/python /bin/voila app.ipynb", True),
        ("/bin/python /opt/jupyter-labhub --ip=::", True),
        ("/usr/bin/python3 /usr/bin/jupyter lab", True),
        ("/envs/jupyter-lab/bin/python /bin/jupyter-console", False),
        ("python /home/a/jupyter-server/run_kernels.py", False),
        ("python -m jupyter_console", False),
        ("python /bin/jupyter-nbconvert --execute notebook.ipynb", False),
        ("papermill lab.ipynb out.ipynb", False),
        ("-bash", False),
    ],
)
def test_a_server_is_known_by_its_command(command: str, is_server: bool) -> None:
    assert is_server_command(command.split()) is is_server
