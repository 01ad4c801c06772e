"""What lies in the archive: rows of captures and WARC files, where each is, what is archived once, what was taken out."""
