"""What the tree asks of commission: what a move is worth, what depends on it, and settling anew what was wrong."""
