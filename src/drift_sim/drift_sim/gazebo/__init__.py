"""The same cells for Gazebo: files made from the compiled MuJoCo model."""
