"""LeRobot's data sets: v3.0 written and read, v2.1 read."""
