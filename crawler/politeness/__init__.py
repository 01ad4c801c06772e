"""Rules that spare hosts: robots.txt, Retry-After, how many pages a run asks one for."""
