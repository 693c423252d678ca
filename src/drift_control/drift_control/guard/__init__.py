"""The guard: small rules between whoever drives and the arm, in order, for policy and person alike.

Four kinds of rules, each a list of objects with one method:
- intake (`intake.py`): may this chunk be executed at all?
- watch (`watch.py`): is it safe to go on moving?
- start (`start.py`): may the arm be armed now?
- target (`target.py`): clamp what is asked for; motion (`motion_rules.py`): admit a step only if the arm can
  still brake to standstill inside every limit after it.
Velocity, acceleration and jerk hold by construction: `motion.py` knows no other steps.
"""
