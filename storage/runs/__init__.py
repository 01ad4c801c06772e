"""What a run holds and leaves: the lock, the one thread that writes, its row and its account."""
