"""Requests for a kernel's stacks and variables, and the parsing of the replies. Pure.

A request evaluates one expression: it leaves no name, no history and no execution count behind.
The expression runs the modules of `inside`, which are sent as text.
"""

from __future__ import annotations

import ast
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

from kerneltui.fleet.diagnosis.inside import prompts, quiet, stacks, values
from kerneltui.fleet.diagnosis.stack import Frame, StackThread, clean_frame, main_first
from kerneltui.protocol import fields
from kerneltui.protocol.message import Content
from kerneltui.protocol.text import clean_line

_FUTURE = "from __future__ import annotations\n"
ASKED = "stack"
"""The reply has the value of the expression under this key."""
_ANY = range(10_000_000)


def ask_stacks() -> Content:
    """Return the content of an execute_request whose reply tells all threads."""
    return _ask(_source(stacks), "stacks()")


def ask_variables() -> Content:
    return _ask(_source(stacks) + _source(values), "variables()")


def ask_locals(thread: int, depth: int, frame: Frame) -> Content:
    """Ask for the names of the frame that is `depth` calls above the innermost one."""
    arguments = (thread, depth, frame.file, frame.line, frame.function)
    return _ask(_source(stacks) + _source(values), f"frame_locals{arguments!r}")


def ask_prompt() -> Content:
    """Ask whether a cell waits for input, and what it asks."""
    return _ask(_source(stacks) + _source(prompts), "prompt()")


def script_for_stacks(answer: str) -> str:
    """Return a program that writes all threads to the file `answer`; its errors stay hidden.

    It runs between two steps of the main thread, which then goes on undisturbed.
    """
    write = f"""
answer = {answer!r}
descriptor = os.open(answer + ".part", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
with open(descriptor, "w") as file:
    file.write(stacks_with_this())
os.rename(answer + ".part", answer)
"""
    tried = indent(f"import os\n{_source(stacks)}{write}", "    ")
    # An interrupt that comes meanwhile is meant for the code that this program holds up.
    return f"""{_FUTURE}try:
{tried}
except KeyboardInterrupt:
    __import__("_thread").interrupt_main()
except BaseException:
    pass
"""


def _ask(source: str, call: str) -> Content:
    """Return the content of an execute_request that asks, unnoticed, for the call's value."""
    return {
        "code": _evaluation(_source(stacks) + _source(quiet), "begin()"),
        "silent": True,
        "store_history": False,
        "user_expressions": {ASKED: _evaluation(source, call)},
        "allow_stdin": True,  # also set for the running cell, until `quiet` restores its value
        "stop_on_error": False,
    }


def _evaluation(source: str, call: str) -> str:
    """Return an expression that runs `source` in its own namespace, and has the call's value.

    It uses no name of the user's namespace: `exec` may be a variable there.
    """
    run = f"__import__('builtins').exec({_FUTURE + source!r}, names)"
    value = f"__import__('builtins').eval({call!r}, names)"
    return f"(lambda names: ({run}, {value})[1])({{}})"


@functools.cache
def _source(module: ModuleType) -> str:
    """Return a module as text, without docstrings and without imports that are of no use there.

    Lines are cut from the text, as unparsing the tree takes as long as the kernel's reply.
    """
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    for node in (*filter(_is_only_here, tree.body), *_docstrings(tree)):
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            lines[number - 1] = ""
    return "\n".join(filter(None, lines)) + "\n"


def _docstrings(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False):
            yield node.body[0]


def _is_only_here(node: ast.stmt) -> bool:
    """Tell whether a statement is a docstring, or an import that is of no use in the kernel."""
    if isinstance(node, ast.ImportFrom):
        return str(node.module).partition(".")[0] in ("__future__", "kerneltui")
    return isinstance(node, ast.Expr)


def read_reply(content: Content) -> Any:
    """Return the parsed JSON that `inside` has told. Raises ValueError with the reason."""
    if content.get("status") != "ok":
        raise ValueError(f"it has answered {_error(content)}")
    value = fields.mapping(fields.mapping(content, "user_expressions"), ASKED)
    if value.get("status") != "ok":
        raise ValueError(f"it has answered {_error(value)}")
    try:
        text = ast.literal_eval(fields.text(fields.mapping(value, "data"), "text/plain"))
        return json.loads(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise ValueError("its answer cannot be read") from None


def read_threads(told: Any) -> tuple[StackThread, ...]:
    """Return the threads that `inside.stacks` tells, the main one first."""
    found = told if isinstance(told, list) else []
    return main_first(_thread(each) for each in found if isinstance(each, dict))


def _thread(found: fields.Fields) -> StackThread:
    ident = found.get("ident")
    frames = (each for each in fields.items(found, "frames") if isinstance(each, dict))
    return StackThread(
        name=clean_line(fields.text(found, "name") or f"thread {ident}"),
        main=fields.flag(found, "main"),
        frames=tuple(_frame(each) for each in frames),
        ident=ident if isinstance(ident, int) else None,
    )


def _frame(found: fields.Fields) -> Frame:
    return clean_frame(
        Frame(
            file=fields.text(found, "file"),
            line=fields.whole(found, "line", within=_ANY) or None,
            function=fields.text(found, "function"),
            source=fields.text(found, "source"),
            cell=fields.whole(found, "cell", within=_ANY) or None,
        )
    )


def _error(content: fields.Fields) -> str:
    name = fields.text(content, "ename") or fields.text(content, "status")
    return clean_line(f"{name}: {fields.text(content, 'evalue')}".strip(": ") or "nothing")
