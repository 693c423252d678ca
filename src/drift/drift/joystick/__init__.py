"""What is connected, which axis and button does what, and the file that says so."""
