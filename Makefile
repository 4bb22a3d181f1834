# `make help` lists the targets. The first of them makes .venv and installs everything in it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := pipeline quality vae laboratory tests benchmarks
# A worker a core, so a thread each: more of them wait for one another.
PYTEST := OMP_NUM_THREADS=1 pytest -n auto --dist loadfile --no-loadscope-reorder
FIRST := tests/test_repro.py tests/test_sources_repro.py tests/vae/test_training.py tests/pipeline/test_train_verifier.py # begun first, so that no core ends idle

export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup repro sweep bench images-are-named ingest batch-is-named test test-slow lint fmt types check cascade clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## make .venv and install everything

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "anime-data needs Python 3.11 or newer: set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

cascade: $(INSTALLED)
	@anime-data cascade

repro: $(INSTALLED) ## from illustrations to a trained VAE: `dvc repro`
	dvc repro
	@echo "Look at plots/samples.png and plots/reconstructions.png; figures: dvc metrics show"

sweep: $(INSTALLED) ## what σ balances: an experiment for each, then reports/sweep.png
	dvc repro pack judge
	python -m benchmarks.sweep

bench: images-are-named $(INSTALLED) ## print the figures of README and docs, pip install '.[peers]' first: make bench IMAGES=folder SHARDS=folder
	python -m benchmarks.waits
	python -m benchmarks.crop_yield $(IMAGES) $(IMAGES)/faces.json
	python -m benchmarks.crop_profile $(IMAGES)
	python -m benchmarks.ray_nodes $(IMAGES)
	python -m benchmarks.growing
	python -m benchmarks.scale
	python -m benchmarks.train_speed
	python -m benchmarks.reach $(SHARDS)

images-are-named:
	@test -n "$(IMAGES)" -a -n "$(SHARDS)" || { echo "expected labelled illustrations (a folder with faces.json) and packed faces: make bench IMAGES=folder SHARDS=folder" >&2; exit 2; }

ingest: batch-is-named $(INSTALLED) ## look for new pictures in a batch from the web: make ingest BATCH=name
	anime-data ingest $(BATCH) --update
	dvc commit --force ingest@$(BATCH)

batch-is-named:
	@test -n "$(BATCH)" || { echo "expected a batch from the web: make ingest BATCH=name" >&2; exit 2; }

test: cascade ## run the tests but for the slow ones
	$(PYTEST) -m "not slow" $(FIRST) tests

test-slow: cascade ## run those that take more than ten seconds each: kills, trainings, `dvc repro`
	$(PYTEST) -m slow $(FIRST) tests

lint: $(INSTALLED) ## check style
	ruff check $(CODE)
	ruff format --check $(CODE)

fmt: $(INSTALLED) ## mend style
	ruff check --fix $(CODE)
	ruff format $(CODE)

types: $(INSTALLED) ## check types
	mypy

check: lint types test test-slow ## lint, types, all tests

clean: ## remove what builds and tests leave behind; data and models stay
	rm -rf build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +
