"""Tasks of others: which environments there are, and how they are made."""
