"""Processes started, watched, respawned and stopped in order; knows nothing of ROS."""
