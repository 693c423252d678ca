"""Chunks of set-points: when each step is due, and how one chunk leads over to the next."""
