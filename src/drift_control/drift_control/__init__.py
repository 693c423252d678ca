"""Control without ROS: robot models, joystick mapping, gate, chunk clock, guard and the loop that joins them."""
