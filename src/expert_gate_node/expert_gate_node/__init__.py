"""Joystick arbitration; the only publisher of arm commands."""
