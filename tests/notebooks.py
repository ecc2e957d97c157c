"""Makes notebooks for programs such as nbconvert to run."""

from __future__ import annotations

import importlib
import uuid
from typing import Any


def cell(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": uuid.uuid4().hex,
        "execution_count": 1 if outputs else None,
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": list(outputs),
    }


def notebook(*cells: str | dict[str, Any]) -> Any:
    """Return a notebook of cells, or of their source."""
    nbformat: Any = importlib.import_module("nbformat")  # slow to load, and without types
    return nbformat.from_dict(
        {
            "cells": [cell(each) if isinstance(each, str) else each for each in cells],
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "", "language": "python"}
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
