"""The commands `drift policy …`, one module each with a function `main`."""
