# Two commands: `make demo` and `make test`. Each sets up .venv first; after that neither needs a network.
SHELL := /bin/sh
# A shell that sits in another environment must not leak into this one.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python >= 3.11 that is found; `make test PYTHON=/path/to/python` to choose.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
# setuptools warns at length of folders beside an editable package; ours are meant to be there.
PIP_INSTALL := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: help setup demo test referees hostile week torture fuzz bench eval simulate lint corpus canary clean

help:
	@echo 'make demo    crawl a small newsroom on loopback into ./demo-news/ and show what came of it'
	@echo 'make test    run every test'
	@echo 'make referees make .venv-referees: pywb, wacz, cdxj-indexer, ReplayWeb.page, with which tests judge our archives'
	@echo 'make hostile crawl a server with some hundred faults'
	@echo 'make week    a run every ten minutes of a week, on a virtual clock, some killed, one without disk, one with a wrong clock'
	@echo 'make torture kill -9 a crawl 200 times at random and at every certain moment, and cut its file anywhere'
	@echo 'make fuzz    run each fuzz target for FUZZ_SECONDS (60)'
	@echo 'make bench   measure what a crawl costs, on the pages of NEWSWARC_CORPUS or on generated ones'
	@echo 'make eval    how good extraction is on the pages of NEWSWARC_CORPUS, beside plain trafilatura'
	@echo 'make simulate poll a thousand made-up sources for a fortnight on a virtual clock, beside the policies of others; TRACES=FILE for yours'
	@echo 'make lint    ruff, mypy --strict, import contracts'
	@echo 'make corpus  crawl the pages of NEWSWARC_CORPUS at their own host names (needs root)'
	@echo 'make canary  run the wire tests on the newest Scrapy'
	@echo 'make clean   remove .venv and caches'

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -n '$(PYTHON)' || { echo 'newswarc needs Python 3.11 or newer; none found on PATH (make PYTHON=...)' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo 'could not make $(VENV); on Debian: apt-get install python3-venv' >&2; exit 1; }
	@echo 'setting up $(VENV) (once) ...' >&2
	@$(PIP_INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/.lint-ready: $(VENV)/.ready
	@$(PIP_INSTALL) --editable '.[test,lint]'
	@touch $@

demo: setup
	@$(BIN)/python -m scripts.demo

# Three files at a time on two cores: many tests wait for processes of their own. In the order of their names, the long ones first.
test: setup
	@$(BIN)/python -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# pywb, wacz and what they need are GPL and AGPL: they never come into .venv. ReplayWeb.page comes with npm, where there is one.
REPLAYWEBPAGE := replaywebpage@2.4.6

.venv-referees/.ready: scripts/referees.txt
	@echo 'setting up .venv-referees (once) ...' >&2
	@test -x .venv-referees/bin/python || $(PYTHON) -m venv .venv-referees
	@.venv-referees/bin/python -m pip install --quiet --requirement scripts/referees.txt
	@! command -v npm >/dev/null || { cd .venv-referees && rm -rf package replaywebpage && \
		npm pack --silent $(REPLAYWEBPAGE) >/dev/null && tar xzf replaywebpage-*.tgz && mv package replaywebpage; }
	@touch $@

referees: .venv-referees/.ready

hostile: setup
	@$(BIN)/python -m pytest -s tests/test_crawler_hostile.py

week: setup
	@$(BIN)/python -m tests.week $(WEEK_ARGS)

torture: setup
	@NEWSWARC_KILLS=$${NEWSWARC_KILLS:-200} $(BIN)/python -m pytest -s $(PYTEST_ARGS) tests/test_crawler_torture.py \
		tests/test_crawler_moments.py tests/test_crawler_cuts.py tests/test_crawler_signals.py

# atheris guides by coverage; where it cannot be installed, seeds are mutated blindly. It stays out of .venv.
.venv-fuzz/.ready: $(VENV)/.ready
	@$(PIP_INSTALL) --target .venv-fuzz atheris || echo 'no atheris here: seeds are mutated without it' >&2
	@mkdir -p .venv-fuzz && touch $@

fuzz: .venv-fuzz/.ready
	@PYTHONPATH=.venv-fuzz $(BIN)/python -m scripts.fuzz --seconds $${FUZZ_SECONDS:-60} $(FUZZ_TARGETS)

bench: setup
	@$(BIN)/python -m scripts.bench $(BENCH_ARGS)

eval: setup
	@$(BIN)/python -m scripts.eval_extract $(EVAL_ARGS)

simulate: setup
	@$(BIN)/python -m scripts.simulation $(if $(TRACES),--traces '$(TRACES)') $(SIMULATE_ARGS)

lint: $(VENV)/.lint-ready
	@failed=; for tool in 'ruff check .' mypy lint-imports; do echo "$$tool"; $(BIN)/$$tool || failed="$$failed $${tool%% *}"; done; \
		test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

corpus: setup
	@$(BIN)/python -m scripts.corpus_crawl

canary:
	@PYTHON='$(PYTHON)' sh scripts/canary.sh

clean:
	rm -rf $(VENV) .venv-fuzz .venv-referees .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
