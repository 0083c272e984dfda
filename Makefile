# Two commands set everything up on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

export DAGSTER_HOME ?= $(CURDIR)
export FUNCDEX_HOME ?= $(CURDIR)/.funcdex
export FUNCDEX_DAGSTER_STORAGE ?= $(FUNCDEX_HOME)/dagster

.PHONY: demo backfill dev test check format bench clean

demo: $(INSTALLED)  ## the pipeline for a real bundle, offline: 3 conversations, one of them shown
	$(BIN)/funcdex materialize gmail_googledrive --conversations 3 --example

backfill: $(INSTALLED)  ## every partition, and the release over all
	$(BIN)/funcdex backfill

dev: $(INSTALLED)  ## the Dagster UI on http://127.0.0.1:3000
	mkdir -p $(FUNCDEX_DAGSTER_STORAGE)
	$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

test: $(INSTALLED)
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dg check defs

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED)
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/dedup.py

clean:
	rm -rf $(VENV) .funcdex

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev]"
	touch $(INSTALLED)
