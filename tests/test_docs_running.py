"""Every command in "Running it for years" works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.newsroom.server import Newsroom
from tests.runner import ROOT, environment

PAGE = ROOT / "docs" / "running.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SITES = "https://www.harbour-papers.net/\nhttps://lighthouse-gazette.net/\n"


def shell(script: str, folder: Path) -> None:
    """Run a block of the page with its two folders below `folder`; every command in it must end with 0."""
    shim = folder / "bin" / "newswarc"
    if not shim.exists():
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m crawler.cli "$@"\n')
        shim.chmod(0o755)
    script = script.replace("/srv/news", str(folder / "news")).replace("/backup", str(folder / "backup"))
    surroundings = environment() | {"PATH": f"{shim.parent}:/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", "-euc", script], cwd=folder, env=surroundings, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


@pytest.mark.unbalanced("one test runs all blocks, in their order")
def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    """The blocks run one after the other, as on a fresh machine, with a newsroom that answers."""
    first, *blocks = BLOCK.findall(PAGE.read_text("utf-8"))
    assert len(blocks) > 8
    shell(first, tmp_path)
    news = tmp_path / "news"
    (news / "sites.txt").write_text(SITES)
    with Newsroom(stories=6) as room:
        for block in blocks:
            shell(block, tmp_path)
            if "source import" in block:  # made-up sites answer nobody: from here on it is the newsroom that is crawled
                configure(news, room)
    assert (tmp_path / "backup" / "drill.db").exists()


def configure(news: Path, room: Newsroom) -> None:
    """A collection of the newsroom alone, crawled once."""
    (news / "newswarc.toml").write_text(
        '[collection]\nname = "Harbour papers"\ncontact = "desk@harbour-papers.net"\n[crawl]\ndelay = 0\n'
        f'allow_private_networks = ["{room.host}"]\n[[source]]\nname = "room"\nurl = "{room.url}"\n'
    )
    shell("newswarc -q --collection /srv/news crawl", news.parent)
