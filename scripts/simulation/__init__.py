"""Simulations on a virtual clock, with the real scheduling functions."""
