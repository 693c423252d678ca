"""The person's console in a browser."""
