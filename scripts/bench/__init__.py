"""`make bench`: what a crawl costs, in figures beside their goals. No test, and never imported by newswarc itself."""
