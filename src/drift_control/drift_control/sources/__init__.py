"""Who may lead the arm, one file each: what they want becomes a `MotionRequest`."""
