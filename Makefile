.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help train test test-all faults storm mutants check format docs clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# what `make train` needs, and what the tests need besides
.venv/installed: pyproject.toml setup.py constraints.txt dmn_cli/model/fast/kernels.c
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "dmn needs Python 3.10 or newer: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

train: .venv/installed ## set up, train on stories made here, show the results
	$(BIN)/dmn train --config quickstart.yaml

test: .venv/installed-dev ## set up, run the tests but the slow ones
	$(BIN)/python -m pytest -n 2 -m "not slow and not browser and not cluster"

test-all: .venv/installed-dev ## all tests; a browser is needed: apt-get install chromium
	CI=true $(BIN)/python -m pytest -n 2

faults: .venv/installed-dev ## a fault at every file-system operation of every command: half an hour
	$(BIN)/python -m tests.faults all --real

storm: .venv/installed-dev ## kill training, suites and downloads KILLS times (1000), compare every byte
	$(BIN)/python -m tests.faults.storm $(or $(KILLS),1000)

mutants: .venv/installed-dev ## wrong versions of the atomic write, the lock and the resume code: each fails a test
	$(BIN)/python -m tests.faults.mutants

check: .venv/installed-dev ## lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/installed-dev ## mend what lint and format can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: .venv/installed-docs ## build the documentation: build/site/index.html
	$(BIN)/python docs/hooks.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

clean: ## remove the environment and caches, not data or runs
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis
