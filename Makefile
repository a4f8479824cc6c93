# One door for people, hooks and CI. The first call of any target makes the virtual environment.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: setup setup-models demo check test test-slow bench train-toy shape
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

TOY := $(BIN)/vdr eval run --config recipes/toy/policy/research.toml
PUPIL := --set limits.max_turns=8 --set limits.max_context_tokens=2000 --set limits.max_reply_tokens=160 --set sampling.temperature=0 --set concurrency=32

train-toy: export OMP_NUM_THREADS = 1
train-toy: setup-models       ## the toy policy, symbolic tier: teacher, SFT, figures on a held-out world (docs/toy-policy.md)
	set -e; for n in $$(seq 22); do $(TOY) --world generated:toy@$$n --tasks 100 --out runs/toy/train-$$n; done
	$(TOY) --world generated:toy/validation@0 --tasks 100 --out runs/toy/validation
	$(BIN)/vdr sft recipes/toy/policy/sft.toml --out runs/toy/sft
	test -d runs/toy/world || $(BIN)/vdr world build generated runs/toy/world --pages 2500 --tasks 640 --depth plain --split test --no-whole-image-filter --seed 7
	$(TOY) --world runs/toy/world --tasks 640 --model local:runs/toy/sft-data/toy@0 $(PUPIL) --out runs/toy/test-base
	$(TOY) --world runs/toy/world --tasks 640 --model local:runs/toy/sft/model $(PUPIL) --out runs/toy/test-sft
	$(BIN)/vdr eval compare runs/toy/test-base runs/toy/test-sft

shape: $(INSTALLED)           ## the tree against our aims; informs, never fails
	$(BIN)/ruff check src --exit-zero --statistics --select C901,PLR0912,PLR0913,PLR0915,PLR1702 \
	  --config "lint.mccabe.max-complexity=10" --config "lint.pylint.max-args=6" --config "lint.pylint.max-branches=10" \
	  --config "lint.pylint.max-statements=35" --config "lint.pylint.max-nested-blocks=3"
