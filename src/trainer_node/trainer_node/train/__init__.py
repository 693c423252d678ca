"""Train: offline bootstrapping and online rounds in a worker of their own."""
