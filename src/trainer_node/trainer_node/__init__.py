"""Recording, episodes and asynchronous rank-scheduled training."""
