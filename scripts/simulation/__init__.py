"""Simulations on a virtual clock, with the real functions of the product."""
