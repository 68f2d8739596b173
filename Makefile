# make setup | demo | test | parity | overfit | bench | screenshots | clean      (GNU make; Linux and macOS)
#
# PYTHON=python3.12 make setup   another interpreter for the virtual environment
# make demo HEADLESS=1           no window, even where there is a screen
# make parity ORACLES=DIR        another folder of numbers from the official codes
# make screenshots CASES=DIR     cases to train on in the pictures of the Train dock, such as Task04_Hippocampus

SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Tests never draw on the person's own screen where Xvfb is at hand, and never touch their settings.
XVFB = $(if $(shell command -v xvfb-run),xvfb-run -a -s "-screen 0 1280x800x24",)

# All oracles where they lie beside the project, otherwise the small ones that it carries.
ORACLES ?= $(firstword $(wildcard ../shared/oracles) tests/parity/data)

.PHONY: setup system-packages demo test parity overfit bench lint screenshots clean

setup: system-packages $(STAMP)
	@tools/setup.sh check
	@echo "Ready: make demo, make test, or .venv/bin/napari"

system-packages:
	@tools/setup.sh system "$(PYTHON)"

# The entry points and the manifest are read at installation, so a change to them installs again.
$(STAMP): pyproject.toml constraints.txt src/napari_diffseg/napari.yaml
	@tools/setup.sh venv "$(PYTHON)"
	@touch $@

demo: $(STAMP)
	$(BIN)/napari-diffseg demo $(if $(HEADLESS),--headless)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari.yaml
	$(BIN)/npe2 validate --imports napari-diffseg

# Two processes; whatever opens windows stays in one of them (tests/conftest.py).
test: lint
	NAPARI_CONFIG="$$(mktemp -d)/settings.yaml" $(XVFB) $(BIN)/pytest -n 2 --dist loadgroup

parity: $(STAMP)
	$(BIN)/python tests/parity/table.py $(ORACLES)

# Resumable: rows that are finished are not trained again.
overfit: $(STAMP)
	$(BIN)/python recipes/overfit.py

screenshots: $(STAMP)
	$(XVFB) $(BIN)/python tools/screenshots.py $(if $(CASES),--cases $(CASES))

bench: $(STAMP)
	$(BIN)/python benchmarks/layout.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/cancel.py
	$(XVFB) $(BIN)/python benchmarks/stalls.py
	$(XVFB) $(BIN)/python benchmarks/endurance.py

clean:
	rm -rf build dist demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
