"""Ask the graph about a real arm: one file per thing. What the answers mean: drift.doctor.robot.

`python -m drift.ros.robot ROBOT_FILE TASK_FILE NAMESPACE TOPIC` is the program to start; see `__main__.py`.
"""
