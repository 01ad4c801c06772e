"""WARC files as bytes: records, HTTP messages and index lines, written, read, and put right after a writer was killed."""
