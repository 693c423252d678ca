"""Courses of jobs: in which order labels are gathered, and a policy is trained and evaluated."""
