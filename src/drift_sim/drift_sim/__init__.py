"""MuJoCo scenes and tasks, scripted experts, the in-process shell and the simulation node."""
