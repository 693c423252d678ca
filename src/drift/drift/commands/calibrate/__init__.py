"""The commands `drift calibrate …`, one module each with a function `main`."""
