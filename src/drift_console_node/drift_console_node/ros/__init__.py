"""Where the console touches ROS."""
