"""The ROS side of the gate."""
