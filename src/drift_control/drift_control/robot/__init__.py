"""One arm: where its links are, where its TCP is, how it may move."""
