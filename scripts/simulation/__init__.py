"""Simulations of years of crawling, on a clock of their own."""
