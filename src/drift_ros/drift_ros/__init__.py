"""What every node shares: parameters, QoS, message conversion, mailbox, run loop, session client."""
