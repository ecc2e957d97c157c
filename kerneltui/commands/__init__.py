"""The commands for scripts: list kernels, act on them, run code in them."""
