# One door for people, hooks and CI. The first call of any target makes the virtual environment.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: setup setup-models demo check test test-slow bench shape
.DEFAULT_GOAL := demo

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)

setup-models: $(INSTALLED)    ## torch and transformers too: without them the tests of models are skipped
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,models]'

demo: $(INSTALLED)            ## research one question about a cluttered picture, live, without keys
	$(BIN)/vdr demo

check: $(INSTALLED)           ## lint, format, types, layers, house rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house_rules.py

test: $(INSTALLED)            ## everything but the long proofs, two files at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not gpu and not network"

test-slow: $(INSTALLED)       ## kill loops, fuzzing, soak
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow -o timeout=3000

bench: $(INSTALLED)           ## our own benchmarks, as JSON
	$(BIN)/vdr bench loop --json
	$(BIN)/vdr bench modes --json

shape: $(INSTALLED)           ## the tree against our aims; informs, never fails
	$(BIN)/ruff check src --exit-zero --statistics --select C901,PLR0912,PLR0913,PLR0915,PLR1702 \
	  --config "lint.mccabe.max-complexity=10" --config "lint.pylint.max-args=6" --config "lint.pylint.max-branches=10" \
	  --config "lint.pylint.max-statements=35" --config "lint.pylint.max-nested-blocks=3"
