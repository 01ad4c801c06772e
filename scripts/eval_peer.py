"""Plain trafilatura, behind the same lines as `newswarc extract --manifest -`: a page a line in, what it gives a line out."""

from __future__ import annotations

import gc
import gzip
import json
import sys
import time
from pathlib import Path

from trafilatura import bare_extraction

from pipelines.page import warm


def main() -> None:
    """Answer each line before the next one is read; warm, and with the collector as in the workers that it is compared with."""
    warm()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def answer(row: dict[str, str]) -> dict[str, object]:
    """What trafilatura gives for a page of a manifest, with the milliseconds of CPU time that it took."""
    content = Path(row["html"]).read_bytes()
    body = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    started = time.process_time()
    found = bare_extraction(body, url=row["url"], with_metadata=True, include_comments=False)
    spent = (time.process_time() - started) * 1000
    head: dict[str, object] = {"id": row["id"], "corpus": row["corpus"], "ms": spent}
    if found is None:
        return head
    fields = found if isinstance(found, dict) else found.as_dict()
    authors = [name.strip() for name in (fields["author"] or "").split(";") if name.strip()]
    return {**head, "authors": authors, **{name: fields[name] for name in ("text", "title", "date")}}


if __name__ == "__main__":
    main()
