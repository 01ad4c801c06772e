"""`make corpus`: crawl the pages of NEWSWARC_CORPUS at their own host names, and say what became of every one.

The pages are served on loopback in a network and mount namespace of their own (`unshare -n -m`), where /etc/hosts maps
every host to 127.1.x.y; nothing leaves the machine. Needs root. Exit codes: 0 at least 97 % ended as an article and
`verify` is content; 1 not; 2 there is no corpus; 77 namespaces cannot be made here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from scripts.corpus_serve import CertificateStore, CorpusPage, Host, addresses, hosts_of, load, serving
from storage.urlkey import InvalidURL, key

WANTED = 0.97
LONGEST = 1500  # seconds, for the crawl
SKIPPED = 77
COMMAND = (sys.executable, "-m", "crawler.cli")
INSIDE = "--inside-namespace"


def main() -> int:
    """Move into a namespace of our own, and run there."""
    options = arguments()
    corpus = Path(options.corpus)
    if not any(corpus.glob("*/truth.jsonl")):
        print(f"{corpus}: no corpus there (folders with truth.jsonl); set NEWSWARC_CORPUS", file=sys.stderr)
        return 2
    if options.inside_namespace:
        return crawl_corpus(corpus, options)
    if not can_unshare():
        print("corpus crawl skipped: it needs root, unshare (util-linux) and ip (iproute2)", file=sys.stderr)
        return SKIPPED
    command = ["unshare", "-n", "-m", sys.executable, "-m", "scripts.corpus_crawl", INSIDE, *sys.argv[1:]]
    return os.execvp("unshare", command)  # noqa: S606 - in place of this process, so that it ends with it


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.corpus_crawl", description=__doc__)
    parser.add_argument("corpus", nargs="?", default=os.environ.get("NEWSWARC_CORPUS", "../shared/corpus"))
    parser.add_argument("--keep", type=Path, help="put the collection into this new folder, and leave it there")
    parser.add_argument("--hosts", type=int, default=None, help="only the first N hosts")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def can_unshare() -> bool:
    """Whether namespaces can be made here, with a loopback device and a file mounted over another."""
    probe = "ip link set lo up && mount --bind /etc/hostname /etc/hosts"
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return False
    return subprocess.run(["unshare", "-n", "-m", "sh", "-c", probe], check=False, capture_output=True).returncode == 0


def crawl_corpus(corpus: Path, options: argparse.Namespace) -> int:
    """Serve, crawl, report, verify."""
    pages = load(corpus)
    hosts = dict(list(hosts_of(pages).items())[: options.hosts])
    pages = [page for host in hosts.values() for page in host.pages.values()]
    with tempfile.TemporaryDirectory(prefix="newswarc-corpus-") as scratch:
        folder = options.keep.absolute() if options.keep else Path(scratch) / "collection"
        move_in(Path(scratch), hosts)
        certificates = CertificateStore(Path(scratch))
        make_collection(folder, hosts)
        environment = os.environ | {"SSL_CERT_FILE": str(certificates.file)}
        with serving(hosts, certificates) as server:
            started = time.monotonic()
            code = run("crawl", folder, environment)
            seconds = time.monotonic() - started
        print(
            f"{len(pages)} pages on {len(hosts)} hosts, {server.requests} requests, {seconds:.0f} s, exit code {code}"
        )
        good = report(folder, pages)
        verified = run("verify", folder, environment)
        print(f"newswarc verify: exit code {verified}")
    return 0 if good and code == 0 and verified == 0 else 1


def move_in(scratch: Path, hosts: dict[str, Host]) -> None:
    """Bring loopback up and map every host to an address of it, in this namespace alone."""
    names = "".join(f"{address}\t{name}\n" for name, address in addresses(hosts).items())
    file = scratch / "hosts"
    file.write_text(f"127.0.0.1\tlocalhost\n{names}", encoding="ascii")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--bind", str(file), "/etc/hosts"], check=True)


def make_collection(folder: Path, hosts: dict[str, Host]) -> None:
    """A collection with one source a host, no delay, and loopback allowed."""
    subprocess.run([*COMMAND, "--quiet", "init", str(folder), "--name", "corpus"], check=True)
    settings = ["[collection]", 'name = "corpus"', "[crawl]", "delay = 0", 'allow_private_networks = ["127.0.0.0/8"]']
    for number, host in enumerate(hosts.values()):
        url = json.dumps(host.root + host.home)
        settings += ["[[source]]", f'name = "s{number}"', f"url = {url}"]
    (folder / "newswarc.toml").write_text("\n".join(settings) + "\n", encoding="utf-8")


def run(word: str, folder: Path, environment: dict[str, str]) -> int:
    """Run a newswarc command on the collection; its exit code, 1 when it did not end in time."""
    command = [*COMMAND, "--debug", word, "--collection", str(folder)]
    with subprocess.Popen(command, env=environment) as process:
        try:
            return process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            print(f"newswarc {word} did not end within {LONGEST} s", file=sys.stderr)
            process.terminate()
            process.wait(30)
            return 1


def report(folder: Path, pages: list[CorpusPage]) -> bool:
    """Print how the pages ended, and every one that is no article with its reason; whether enough are articles."""
    with closing(sqlite3.connect(f"file:{folder / 'news.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT url, state, reason FROM v_urls").fetchall()
    known = {page_key(url): (state, reason or "") for url, state, reason in rows}
    ends = {page.url: known.get(page_key(page.url), ("never discovered", "")) for page in pages}
    for url, (state, reason) in sorted(ends.items(), key=lambda pair: pair[1]):
        if state != "stored":
            print(f"  {state:16} {reason:40} {url}")
    counts = Counter(state for state, _ in ends.values())
    share = counts["stored"] / len(pages)
    print(f"{share:.2%} of {len(pages)} pages ended as an article ({WANTED:.0%} wanted); {dict(counts.most_common())}")
    return share >= WANTED


def page_key(url: str) -> str:
    """What makes two URLs one page; the URL itself where it is none."""
    try:
        return key(url)
    except InvalidURL:
        return url


if __name__ == "__main__":
    sys.exit(main())
