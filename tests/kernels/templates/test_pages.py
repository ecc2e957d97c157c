"""Modules that were put side by side are the modules that they were."""

from __future__ import annotations

import subprocess
import sys

from kerneltui.kernels.templates.template import FOLDER

SETTLED = f"""
import sys
sys.path.insert(0, {FOLDER!r})
import kerneltui_template_pages as pages
with pages.modules_side_by_side():
    import decimal, email.message, json
before = [(name, module, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
pages.settle()
after = [(name, module, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
assert before == after
def page(thing): return id(thing) >> 12
print(len(after), len({{page(module) for module in (decimal, email, json, json.decoder)}}),
      len({{page(name) for name, _, _ in after}}), len({{page(file) for _, _, file in after}}))
import xml.dom  # also after that
from json import decoder
assert decoder is json.decoder and xml.dom.__name__ == "xml.dom"
"""


def test_names_paths_and_modules_take_few_pages_and_stay_equal() -> None:
    program = [sys.executable, "-c", SETTLED]

    told = subprocess.run(program, capture_output=True, text=True, check=True).stdout

    modules, of_modules, of_names, of_paths = map(int, told.split())
    assert of_modules <= 2
    assert of_names < modules / 8
    assert of_paths < modules / 4
