"""What a policy sees, and how it is put together from samples that arrive in any order."""
