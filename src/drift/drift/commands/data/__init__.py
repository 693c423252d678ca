"""The commands `drift data …`, one module each with a function `main`."""
