"""Bags of rosbag2 as files: MCAP written and repaired, MCAP and SQLite read; nothing of ROS is imported."""
