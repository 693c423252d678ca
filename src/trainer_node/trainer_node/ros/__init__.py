"""The ROS side of the trainer."""
