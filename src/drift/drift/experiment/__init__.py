"""Studies of learning: methods on tasks, in process, with the nodes' gate, store and trainer."""
