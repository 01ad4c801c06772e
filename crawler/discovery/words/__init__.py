"""Word lists of the crawler, one file a list; see the comments at the top of each."""
