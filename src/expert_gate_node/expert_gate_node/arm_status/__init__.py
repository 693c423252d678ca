"""What drivers of real arms say, as one `ArmState` with a reason in words; one file per maker, no ROS."""
