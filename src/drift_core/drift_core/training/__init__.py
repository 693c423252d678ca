"""The one trainer: steps, schedules of rank, averages, state."""
