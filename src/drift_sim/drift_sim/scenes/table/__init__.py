"""A box on the table that must be carried to its goal."""
