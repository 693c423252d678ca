"""The commands of `drift`, one module each with a function `main`."""
