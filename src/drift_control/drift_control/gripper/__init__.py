"""Grippers, one file of config/grippers each: joints, hull, interface; when one is told something."""
