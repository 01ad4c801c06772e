"""What `verify --repair` mends."""
