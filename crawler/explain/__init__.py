"""What was decided about a URL, or would be, in words (pure)."""
