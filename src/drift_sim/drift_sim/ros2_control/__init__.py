"""Stand-ins for ros2_control, after its sources (ros2_controllers 0f8eb14e1, kilted): what a controller makes
of our messages, cycle by cycle, and an arm that lags behind. No ROS, no clock; only what is needed here.
"""
