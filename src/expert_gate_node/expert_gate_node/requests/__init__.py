"""What the gate is asked: arm, stop, home."""
