"""What a command does, behind its door in `commands`: may import anything, prints with `console`."""
