"""Episodes as other people's data sets and bags, in and out; without ROS."""
