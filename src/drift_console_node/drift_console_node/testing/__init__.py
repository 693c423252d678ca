"""What tests and acceptance of the console share."""
