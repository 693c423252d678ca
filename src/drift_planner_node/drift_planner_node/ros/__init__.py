"""The ROS side of the planner."""
