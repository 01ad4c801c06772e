"""Looks at pages and sites that keep nothing: `try`, `extract`, `source add` and its kin."""
