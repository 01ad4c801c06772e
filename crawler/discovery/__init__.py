"""Bytes of feeds, sitemaps and pages -> links, and what their URLs tell (pure)."""
