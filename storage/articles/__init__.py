"""Articles, their versions and extractions, and what an edit changed."""
