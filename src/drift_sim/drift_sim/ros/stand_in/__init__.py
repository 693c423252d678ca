"""Stand-ins for the drivers of real arms and grippers, as ROS nodes, for tests.

Topics, services and actions of ros2_control, Universal Robots and Franka around the models of
`drift_sim.ros2_control`, in real time.

Interfaces that the distribution lacks are imported by name, so that this package needs none of them.
"""
