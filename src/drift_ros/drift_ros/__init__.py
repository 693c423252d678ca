"""What every node shares: parameters, QoS, conversions, run loop, diagnostics, stack client."""
