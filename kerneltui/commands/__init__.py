"""The command line without a terminal: lists kernels, acts on them, runs code in them."""
