"""Start, signal, restart and stop Jupyter kernels, and talk to them."""
