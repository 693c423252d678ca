"""Messages of ROS as learning takes them, by the names of their fields: of rclpy, or of a bag without ROS."""
