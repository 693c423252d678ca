"""What the graph tells of a real arm, judged: one file per thing, no ROS. drift.ros.robot asks the graph."""
