"""What happens on a real arm's controller when something breaks: the gate beside stand-ins for drivers.

One fault at a time, while a person drives. `detect_ms`: until the gate says that nobody drives any more.
`output_step_mrad`: the largest step of the controller's output from one cycle to the next (UR: 2 ms, FR3:
1 ms), from the fault on until it is mended and the gate is about to be armed again. `moved_mrad`: how far the
arm moves by itself once the cause is gone. `reason`: what the gate says at the end of the watch.
`recovered`: after arming again the person moves the arm.
Then the same while a person guides the arm by hand, at 0.1 rad/s of its base: `detect_ms` until the gate says
that it is guided no more, `held_ms` until the hand moves it no more (empty: it is still free at the end).
Each row is judged by what its fault must lead to (`verdict.py`); one that is `wrong` makes the exit code 1.
"""

import os

os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)  # before anything of ROS is started
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
