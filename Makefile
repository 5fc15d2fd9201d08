# Everything a newcomer needs: `make demo` and `make test`. Both build .venv themselves.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8899
SPEED ?= 10
DEMO_DATA ?= .luthien/demo
PYTEST_ARGS ?=
WORKERS ?= 3

.PHONY: help setup demo test check format lint types contracts faults replicas fuzz audit bench lock clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

setup: .venv/.installed ## Build .venv (costs nothing when nothing changed)

.venv/.installed: requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "luthien-ops needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --seed --python "$$(command -v $(PYTHON))" .venv \
	  && uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt; \
	else \
	  $(PYTHON) -m venv .venv \
	  && $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Run the whole product against local stand-ins and print the page's address
	@$(BIN)/luthien demo --port $(PORT) --speed $(SPEED) --data $(DEMO_DATA)

test: setup ## Run the whole test suite (WORKERS: mostly waiting, so one more than two cores)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

check: setup format lint types contracts ## Format, lint, types, import contracts

format: setup
	@$(BIN)/ruff format --check .

lint: setup
	@$(BIN)/ruff check .

types: setup
	@$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports --no-cache

faults: setup ## Every fault at every call, random and simulated schedules; goes on where it was (docs/faults.md)
	@SEED='$(or $(SEED),1)' SCHEDULES=$(or $(SCHEDULES),1000) SIMULATED=$(or $(SIMULATED),10000) \
	  RESULTS='$(or $(RESULTS),.luthien/faults.jsonl)' LANES='$(LANES)' \
	  ONLY='$(ONLY)' REPLAY='$(REPLAY)' SIMULATE='$(SIMULATE)' $(BIN)/python -m pytest \
	  $(if $(REPLAY),tests/fault/test_faults.py,$(if $(SIMULATE),tests/fault/simulated,tests/fault))

replicas: setup ## Kill, freeze, cut off and upgrade replicas over a real Postgres, also four of them
	@REPLICAS=1 $(BIN)/python -m pytest tests/replicas

fuzz: setup ## Make up input for whatever comes from outside (EXAMPLES of each)
	@EXAMPLES=$(or $(EXAMPLES),2000) $(BIN)/python -m pytest --timeout 3600 tests/fuzz $(PYTEST_ARGS)

audit: ## Look up known vulnerabilities of what is locked (asks the package index)
	@$(PYTHON) -m venv .venv/audit && .venv/audit/bin/pip install --quiet --disable-pip-version-check pip-audit
	@.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.txt

bench: setup ## Measure; result tables go to docs/benchmarks.md
	@$(BIN)/python -m bench

lock: ## Compile the locked requirement files (needs uv)
	@uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.txt
	@uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	  --custom-compile-command "make lock" --extra dev pyproject.toml -o requirements-dev.txt

clean: ## Remove the virtual environment and the demo's data
	@rm -rf .venv $(DEMO_DATA)
