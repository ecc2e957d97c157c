"""Packages of the field do their own work on our managers, by their own commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerneltui import run_kernel
from tests.notebooks import cell, notebook

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TIMEOUT = 120  # seconds for a command that starts several kernels

# The package's own `execute_helper` and `flush_channels` give each message 0.1 s to come.
PATIENT = """
import jupyter_kernel_test

class Patient:
    def execute_helper(self, *arguments, **keywords):
        iopub = self.kc.iopub_channel
        hear = iopub.get_msg
        iopub.get_msg = lambda timeout: hear(timeout=60)
        try:
            return super().execute_helper(*arguments, **keywords)
        finally:
            del iopub.get_msg

    def flush_channels(self):
        asked = self.kc.kernel_info()
        self.hear_up_to(self.kc.get_shell_msg, asked, "kernel_info_reply")
        while self.hear_up_to(self.kc.get_iopub_msg, asked, "status") != "idle":
            pass

    def hear_up_to(self, hear, asked, msg_type):
        while True:
            message = hear(timeout=60)
            jupyter_kernel_test.validate_message(message)
            if message["parent_header"].get("msg_id") == asked and message["msg_type"] == msg_type:
                return message["content"].get("execution_state")
"""
OF_PYTHON = f"""
{PATIENT}
class PythonTests(Patient, jupyter_kernel_test.KernelTests):
    kernel_name = "python3"
    language_name = "python"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('x', file=sys.stderr)"
    completion_samples = [{{"text": "zi", "matches": {{"zip"}}}}]
    complete_code_samples = ["1"]
    incomplete_code_samples = ["print("]
    code_execute_result = [{{"code": "1+2", "result": "3"}}]
    code_generate_error = "raise"
    code_inspect_sample = "zip"
    supported_history_operations = ("tail", "search")
    code_history_pattern = "1?2*"
"""
OF_BASH = f"""
{PATIENT}
class BashTests(Patient, jupyter_kernel_test.KernelTests):
    kernel_name = "bash"
    language_name = "bash"
    code_hello_world = "echo hello, world"
    completion_samples = [{{"text": "fals", "matches": {{"false"}}}}]
"""


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a module's command with our names in the place of the field's."""
    swapped = [sys.executable, "-m", "tests.swapped", *command]
    return subprocess.run(
        swapped, cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


def run_tests(folder: Path, *options: str) -> str:
    """Return the last line of pytest, run with `options`; all that it said where a test failed."""
    alone = ["-q", "-c", "/dev/null", "--rootdir", str(folder), "-p", "no:cacheprovider"]
    done = run("pytest", *alone, *options)
    return done.stdout.splitlines()[-1] if done.returncode == 0 else done.stdout + done.stderr


STAYING = "print(6 * 7)\nexit(keep_kernel=True)\n"


def two_cells(folder: Path) -> str:
    """Write a notebook of two cells, the second of which fails as it says."""
    answer = {"output_type": "stream", "name": "stdout", "text": "42\n"}
    error = {
        "output_type": "error",
        "ename": "ZeroDivisionError",
        "evalue": "division by zero",
        "traceback": [],
    }
    cells = cell("print(6 * 7)", answer), cell("1 / 0", error, tags=("raises-exception",))
    file = folder / "two.ipynb"
    file.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    return str(file)


def test_nbval_compares_a_notebook(tmp_path: Path) -> None:
    said = run_tests(tmp_path, "--nbval", "--nbval-current-env", two_cells(tmp_path))

    assert said.startswith("2 passed")


def judged(folder: Path, tests: str) -> str:
    file = folder / "test_kernel.py"
    file.write_text(tests, encoding="utf-8")
    return run_tests(folder, str(file))


def test_jupyter_kernel_test_judges_ipykernel(tmp_path: Path) -> None:
    assert re.match("[1-9][0-9]* passed", judged(tmp_path, OF_PYTHON))


def test_jupyter_kernel_test_judges_a_bash_kernel_that_was_installed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = run("bash_kernel.install", "--prefix", str(tmp_path))
    assert installed.returncode == 0, installed.stderr
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))

    assert re.match("[1-9][0-9]* passed", judged(tmp_path, OF_BASH))


def test_papermill_runs_a_notebook_with_parameters(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    source.write_text(json.dumps(notebook(cell("x = 1", tags=("parameters",)), "print(x * 7)")))

    done = run("papermill", str(source), str(target), "-p", "x", "6", "--no-progress-bar")

    assert done.returncode == 0, done.stderr
    last = json.loads(target.read_text())["cells"][-1]
    assert [each["text"] for each in last["outputs"]] == [["42\n"]]


def test_jupyter_console_starts_a_kernel_talks_to_it_and_ends_it() -> None:
    done = run("jupyter_console", "--simple-prompt", stdin="print(6 * 7)\nexit\n")

    assert done.returncode == 0, done.stderr
    assert "In [1]: 42\n" in done.stdout
    assert done.stdout.rstrip().endswith("Shutting down kernel")


def test_jupyter_console_joins_a_kernel_by_its_connection_file() -> None:
    with run_kernel() as client:
        file = client.connection_file
        done = run("jupyter_console", "--simple-prompt", "--existing", file, stdin=STAYING)

        assert client.is_alive()

    assert "In [1]: 42\n" in done.stdout
