"""Keeps out the package of this name, which builds a grammar for seconds when it is imported.

nbformat and jupyter_server load it by jsonschema, which does as well without; no test needs it.
"""

raise ImportError("kept out by the tests, as it takes long to import")
