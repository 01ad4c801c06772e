"""Whether archive and database agree, and what is damaged."""
