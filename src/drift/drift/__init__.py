"""Launch, configuration and command line of the drift stack."""
