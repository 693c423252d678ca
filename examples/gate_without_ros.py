"""Gate and guard without ROS: a scripted hand drives the arm against the end of its workspace, then lets go.

python examples/gate_without_ros.py
"""
