"""What simulators beside this process share: the model that is told where things are, URDF, ros2_control."""
