"""The quality of service of each topic; publishers are always reliable (they match both kinds)."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy


def _reliable(depth: int) -> QoSProfile:
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE)


IMAGE = _reliable(2)  # publisher of camera/<name>/image_raw; two images at most wait in the writer
JOINT_STATES = _reliable(10)  # publisher of joint_states (MoveIt subscribes reliably)
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)  # to images
SENSOR_RELIABLE = _reliable(5)  # to images of a camera whose task file says reliability: reliable
RECORDED_DEPTH = 30  # of either, to record them: what comes in a second wherein nobody could look
# to joint_states, read at 20 Hz or more: what two publishers send at 1000 Hz in 50 ms
POLLED = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # to what a driver repeats fast
JOY = _reliable(10)  # both ends of joy
CHUNKS = _reliable(10)  # action_chunk, for who keeps them all
COMMAND = _reliable(1)  # action_chunk, command, gripper_command: the newest wins
PROVENANCE = _reliable(1000)  # gate/step: no control step may be lost
GROUND_TRUTH = _reliable(1)  # sim/ground_truth
TRANSFORMS = _reliable(100)  # /tf, as tf2 publishes it
DIAGNOSTICS = _reliable(10)  # diagnostics
LATCHED = QoSProfile(  # states, trainer/checkpoint, task/outcome, robot_description
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
