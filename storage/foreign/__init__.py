"""WARC and WACZ files of others: read whatever they are like, brought into the collection, entered as captures."""
