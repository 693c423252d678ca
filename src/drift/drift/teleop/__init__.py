"""A keyboard as a joystick."""
