"""Rows and records brought together again: after a killed run, and from WARC files alone."""
