"""What every node shares: parameters, QoS, conversions, mailbox, run loop, diagnostics, session client."""
