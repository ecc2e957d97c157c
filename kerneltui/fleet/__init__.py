"""Floor 2: the state of every kernel now, and the verbs. No terminal."""
