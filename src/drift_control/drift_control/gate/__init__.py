"""Who drives: the state machine and what it is told."""
