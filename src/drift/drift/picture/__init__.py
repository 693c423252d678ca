"""Pictures of a stack at work, for people: cameras, the policy's plan, who drives and why."""
