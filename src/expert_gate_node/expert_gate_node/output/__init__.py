"""What the gate tells the arm and everybody else."""
