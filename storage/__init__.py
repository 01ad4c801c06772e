"""How things are kept and given back: database, frontier table, WARC files, indexes, search and export."""
