"""Floor 2: what is true of every kernel now. No terminal."""
