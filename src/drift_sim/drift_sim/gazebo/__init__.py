"""The same cells for Gazebo: files made from the compiled MuJoCo model, and the state told back to it."""
