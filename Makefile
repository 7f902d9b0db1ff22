# Two commands set everything up: `make demo` and `make test`. Both build .venv first, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-all check fix bench docs clean

demo: $(VENV)/.installed
	$(BIN)/assay demo --out demo

test: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m "not slow and not ray"

test-all: $(VENV)/.installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

# Type checkers need real paths under build/, which only a strict editable install gives.
check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pip install -q --no-deps --no-build-isolation -e . -C editable_mode=strict
	$(BIN)/basedpyright
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	$(MAKE) test

fix: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One core, because that is what the bars are stated for.
bench: $(VENV)/.installed
	for script in bench/*.py; do OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(BIN)/python $$script || exit 1; done

docs: $(VENV)/.installed
	$(BIN)/python docs/build_commands.py
	$(BIN)/python docs/build_quality.py
	$(BIN)/python docs/build_robustness.py

clean:
	rm -rf $(VENV) build dist *.egg-info demo

# torch comes first and pinned: a range would bring the CUDA build on a machine without a GPU.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -U pip setuptools wheel -c constraints.txt
	$(BIN)/pip install -q torch -c constraints.txt
	$(BIN)/pip install -q --group dev -c constraints.txt
	$(BIN)/pip install -q --no-build-isolation -e . -c constraints.txt
	touch $@
