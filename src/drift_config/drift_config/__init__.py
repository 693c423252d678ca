"""The ground below all packages: one strict loader for all configuration, and the errors that all share."""
