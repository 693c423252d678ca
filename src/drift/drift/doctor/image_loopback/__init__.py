"""Two small programs that send and receive images."""
