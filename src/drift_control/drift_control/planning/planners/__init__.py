"""The planners that need no ROS, one file each."""
