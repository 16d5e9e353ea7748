# Every target does its own set-up: a machine with Python 3.11 and make is enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
,      := ,
# Tests start hundreds of interpreters: where this is set, each of them would compile all that it reads anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test services coverage check mutants fuzz strangers trials bench bench-tester bench-survey bench-dns bench-web bench-many bench-day bench-store bench-log studies deb lock docs clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 20

$(READY): pyproject.toml constraints.txt setup.py $(wildcard dnsbl/dns/*/*.pyx dnsbl/dns/*/*.pxi)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	@echo "Setting up $(VENV) (once)..."
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)   ## the guided tour: a neighbourhood of mail servers, nominated, tested, listed, delisted
	@$(BIN)/dnsbl demo

test: $(READY)   ## the unit suite, in less than a minute on two cores
	@$(BIN)/pytest -n auto --dist worksteal --suite=unit

services: $(READY) ## what starts processes or has whole lists at work (tests/suites.py), then the whole line from door to door
	@$(BIN)/pytest -n auto --dist worksteal --suite=services --ignore tests/journeys
	@$(BIN)/pytest -n auto tests/journeys

coverage: $(READY) ## branch coverage of the pure modules by their own tests, at least 95 %
	@$(BIN)/coverage erase
	@$(BIN)/pytest -q -n auto --dist worksteal --cov --cov-branch --cov-report= tests/tester tests/dnsbl/rules tests/dnsbl/dns tests/dnsbl/log
	@$(BIN)/coverage report --skip-covered --sort=cover --fail-under=95 --include='tester/*,dnsbl/rules/*,dnsbl/dns/*,dnsbl/log/*' --omit='tester/__main__.py,tester/cli.py,tester/caller.py,tester/collector.py,tester/listening.py'

check: $(READY)  ## format, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# ONLY=tester/smtp.py (modules)  JOBS=1 (processes)  MINUTES=60 (begin nothing new after)  TRUST=1 (what was noticed stays so)
mutants: $(READY) ## small changes that no test notices, in the pure modules; one to three hours (ONLY= JOBS= MINUTES= TRUST=)
	@$(BIN)/python tests/mutants/run.py $(if $(JOBS),--jobs $(JOBS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(TRUST),--trust) $(ONLY)

fuzz: $(READY)   ## every property with all its examples, a million mutated packets, and the engine under sanitizers; some minutes
	@$(BIN)/pytest -n auto --dist worksteal -m hypothesis --hypothesis-profile deep --ignore tests/journeys
	@$(BIN)/python tests/fuzz/packets.py
	@$(BIN)/python tests/fuzz/sanitized.py

strangers: $(READY) ## tests against software that we did not write (Debian packages, as root)
	@tests/strangers/install
	@NO_SKIPS=1 $(BIN)/pytest -q -n 2 --dist loadfile -m 'not alone' -p no:cacheprovider tests/strangers tests/journeys/test_self_test.py --override-ini addopts= -rs
	@NO_SKIPS=1 $(BIN)/pytest -q -m alone -p no:cacheprovider tests/strangers --override-ini addopts= -rs

trials: $(READY) ## hostile trials of whole lists: processes killed, stores, disks and clocks broken; packages built and installed (as root, minutes)
	@tests/strangers/install
	@NO_SKIPS=1 $(BIN)/pytest -q -p no:cacheprovider tests/trials --override-ini addopts= -rs

bench: $(READY)  ## what a test, an answer and a page cost, beside others' programs; about twenty minutes, all on loopback
	@$(MAKE) --no-print-directory bench-tester
	@$(MAKE) --no-print-directory bench-dns
	@$(MAKE) --no-print-directory bench-web
	@$(MAKE) --no-print-directory bench-log

bench-tester: $(READY) ## what a test costs, beside nmap's relay script, and each way into a host (five minutes at most)
	@bench/install nmap
	@$(BIN)/python -m bench.tester
	@$(BIN)/python -m bench.paths

bench-survey: $(READY) ## what a survey costs: a range of 2,816 addresses beside nmap, and memory up to 100,000 targets (two minutes)
	@bench/install nmap
	@$(BIN)/python -m bench.survey

# SIZES=10000,1000000 (entries; SIZES=, for the data files alone)  ROUNDS=5  JSON=figures.json  WRITE=1 (the page and the chart in docs/)
bench-dns: $(READY) ## what an answer costs, beside rbldnsd, NSD and an echo (ten minutes; SIZES= ROUNDS= JSON= WRITE=1)
	@bench/install dnsperf rbldnsd nsd
	@$(BIN)/python -m bench.dns $(if $(SIZES),--sizes $(SIZES)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(JSON),--json $(JSON)) $(if $(WRITE),--write docs)

# LISTINGS=1000000  JOURNAL=10000000 (entries)  URL=postgresql+psycopg://... (an empty database)  JSON=figures.json  WRITE=1 (the page in docs/)
bench-web: $(READY) ## what pages, look-ups and starts of commands cost on a large list (five minutes, 6 GB; LISTINGS= JOURNAL= URL= JSON= WRITE=1)
	@$(BIN)/python -m bench.web $(if $(LISTINGS),--listings $(LISTINGS)) $(if $(JOURNAL),--journal $(JOURNAL)) $(if $(URL),--url $(URL)) $(if $(JSON),--json $(JSON)) $(if $(WRITE),--write docs)

# URL=postgresql+psycopg://... (an empty database on this machine)  TESTS=200  WAIT=3 (seconds before a greeting)  LISTINGS=1000000
bench-many: $(READY) ## what many tests and many listings cost a store on PostgreSQL (five minutes; URL= TESTS= WAIT= LISTINGS=)
	@$(BIN)/python -m bench.many '$(URL)' $(or $(TESTS),200) $(or $(WAIT),3) $(or $(LISTINGS),1000000)

# RATE=11.6 (nominations a second)  SECONDS=300  WORKERS=4  URL=postgresql+psycopg://... (an empty database)  JSON=figures.json
bench-day: $(READY) ## a piece of a day with a million tests, at the usual pace: a list, four workers, thousands of hosts (ten minutes)
	@$(BIN)/python -m bench.day $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(URL),--url $(URL)) $(if $(JSON),--json $(JSON))

# ROWS=10000,1000000  FLUSH=1,2,5 (ms that a disk takes longer)  URL=postgresql+psycopg://... (an empty database, for one size)  JSON=figures.json  BEFORE=figures.json (of an earlier program)  WRITE=1 (the page in docs/)
bench-store: $(READY) ## how many tests a second the store carries, few rows and many, on both databases (ten minutes; ROWS= FLUSH= URL= JSON= BEFORE= WRITE=1)
	@$(BIN)/python -m bench.store $(if $(ROWS),--rows $(ROWS)) $(if $(FLUSH),--flush $(FLUSH)) $(if $(URL),--url $(URL)) $(if $(JSON),--json $(JSON)) $(if $(BEFORE),--before $(BEFORE)) $(if $(WRITE),--write docs)

bench-log: $(READY) ## what a leaf of the transparency log costs beside its entry, and a step of a log up to 100,000,000 leaves (a minute)
	@$(BIN)/python -m bench.log

studies: $(READY) ## both relay studies reproduced from simulated towns, beside the papers: docs/studies.md (three minutes)
	@$(BIN)/python -m bench.studies docs/studies.md

deb: $(READY)    ## a package for Debian 12 in dist/, with an environment of its own (some minutes)
	@$(BIN)/python packaging/deb.py dist

lock: $(READY)   ## packaging/requirements.lock from constraints.txt: the hashes of what a package is built of (three minutes)
	@$(PYTHON) -m venv build/locking && build/locking/bin/pip install -q --disable-pip-version-check pip-tools
	@build/locking/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header \
		--no-annotate --strip-extras --extra outlook --extra stamps --extra zstd -c constraints.txt -o packaging/requirements.lock pyproject.toml

docs: $(READY)   ## the pages of docs/ as a site in build/site, which asks nobody else for anything
	@$(BIN)/python -c 'import mkdocs' 2>/dev/null || $(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@$(BIN)/mkdocs build -q --clean
	@$(BIN)/python packaging/foreign.py build/site

clean:           ## remove what the other targets made
	rm -rf $(VENV) dnsbl/dns/*/_*.c dnsbl/dns/*/_*.so .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .mutants build dist *.egg-info
