"""What is to be fetched, and what is remembered for it: URLs and their leases, sources, hosts, what was withdrawn."""
