"""The same cells for mujoco_ros2_control, real ros2_control on MuJoCo, after its sources (bda2b67)."""
