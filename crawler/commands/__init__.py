"""One file a command, each a thin door; loaded by name, so that `--help` imports nothing heavy."""
