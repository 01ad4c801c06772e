#!/bin/sh
# Runs the tests of the wire on the newest Scrapy and Twisted, in a virtual environment of its own that is thrown away.
# Prints the versions; the exit code is that of the tests. Needs a package index (PIP_INDEX_URL and the like are pip's).
#   scripts/canary.sh                 the newest released Scrapy
#   scripts/canary.sh 'scrapy==2.20'  another one
set -eu

wanted=${1:-scrapy}
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(command -v "${PYTHON:-$root/.venv/bin/python}" || command -v python3)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

"$python" -m venv "$scratch/venv"
# What crawler/ and storage/ import to get to the wire, and what its tests need; nothing is pinned here on purpose.
"$scratch/venv/bin/python" -m pip install --quiet --upgrade \
	"$wanted" twisted idna brotli zstandard cryptography pytest pytest-timeout
"$scratch/venv/bin/python" -m pip list 2>/dev/null | grep -iE '^(scrapy|twisted|pyopenssl|service-identity) '

cd "$root"
# Warnings are errors, as in the project's own tests. No conftest: it asks for the database's dependencies.
"$scratch/venv/bin/python" -m pytest -q -p no:cacheprovider --noconftest \
	tests/test_crawler_wire.py tests/test_crawler_tape.py tests/test_crawler_netguard.py tests/test_crawler_netguard_crawl.py
