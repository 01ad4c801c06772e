"""`ingest`: archives of others become captures and articles."""
