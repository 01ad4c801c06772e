"""What no stored field may hold, and how long each may be."""

from __future__ import annotations

import re

# C0 but for the line end, C1, bidi overrides and isolates, zero width, tags, surrogates, line separators.
DIRT = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\U000e0000-\U000e0fff\ud800-\udfff]"
)
LONGEST = {
    "title": 500,
    "authors": 5_000,
    "tags": 5_000,
    "section": 200,
    "site_name": 200,
    "description": 2_000,
    "language": 20,
    "url": 2_000,
    "canonical_url": 2_000,
    "image_url": 2_000,
    "text": 2_000_000,
}
