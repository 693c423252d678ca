"""Checks of the machine, one function each; see drift.commands.doctor."""
