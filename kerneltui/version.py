"""The version of kerneltui that is installed. Loading this takes some milliseconds."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("kerneltui")
