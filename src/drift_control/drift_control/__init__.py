"""Control without ROS: robot models, joystick mapping, gate, guard and the loop that joins them."""
