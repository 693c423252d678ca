"""The scripted expert: a person's stand-in that drives through the joystick."""
