"""Floor 0: bytes to messages, events to state. Pure: no zmq, no process, no clock of its own."""
