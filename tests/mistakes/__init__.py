"""What an operator can get wrong, as tables: each mistake with the exit code and the line that is printed."""
