"""What people, pipes and logs get to see, and files that are there whole or not at all."""
