"""When to fetch what again (pure)."""
