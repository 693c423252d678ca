"""Measuring what a camera's file says: how late its stamps are, and where it is mounted."""
