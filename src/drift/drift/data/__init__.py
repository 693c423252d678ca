"""What `drift data` measures, draws and moves: recorded episodes, without a command line and without ROS."""
