"""The ROS side of the policy."""
