"""The processes `sim` and `expert`."""
