"""Learning without ROS: networks, samplers, rank modulation, observations, episodes, training."""
