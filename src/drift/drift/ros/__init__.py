"""What the command line runs as ROS nodes."""
