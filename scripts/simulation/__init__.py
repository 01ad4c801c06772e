"""Simulations on a virtual clock, with the real functions of the product: our schedule and alarms beside those of peers."""
