"""One run of one collection, and its parts: what they share, the frontier, host delays, settling, the account."""
