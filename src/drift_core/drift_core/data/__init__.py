"""From recorded episodes to training windows."""
