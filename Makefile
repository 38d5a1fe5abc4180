.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP_OPTIONS := --quiet --disable-pip-version-check --no-input

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements/develop.txt pyproject.toml
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Python 3.11 or later is needed, with venv (Debian: apt install python3.11-venv)."; \
	    echo "To name another: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV); the first time this takes a minute or so"
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --require-hashes -r requirements/develop.txt
	@$(BIN)/python -m pip install $(PIP_OPTIONS) --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup: $(READY)  ## Install everything into .venv
	@echo "$(VENV) is ready. For the commands: . $(BIN)/activate && dip --help"

demo: $(READY)  ## Run a small market from nothing to the end (KEEP=1 leaves it up)
	@$(BIN)/dip demo $(if $(KEEP),--keep)

test: $(READY)  ## Run every test
	$(BIN)/python -m pytest

format: $(READY)  ## Format the code
	$(BIN)/ruff format src tests
	$(BIN)/ruff check --fix src tests

lint: $(READY)  ## Check format, lint, types and import layers
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test  ## Everything that must hold before a commit

faults: $(READY)  ## Break a DIP under load at random: KILLS=1000, SEED=…
	@$(BIN)/python -m tests.faults --kills $(or $(KILLS),1000) $(if $(SEED),--seed $(SEED))

bench: $(READY)  ## Measure the hot path on this machine
	$(BIN)/dip bench

lock: $(READY)  ## Pin the requirements again, with hashes
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header requirements/develop.in -o requirements/develop.txt
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header requirements/runtime.in -o requirements/runtime.txt

clean:  ## Remove what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help setup demo test format lint check faults bench lock clean
