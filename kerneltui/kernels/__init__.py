"""Floor 1: one kernel, many kernels. Owns processes, files and sockets; its verbs block."""
