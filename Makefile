# `make demo` and `make test` need nothing but make and Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
BIN := $(VENV)/bin
LOWEST ?= .venv-lowest
CORE := tests/algorithms tests/cli/test_main.py tests/interfaces/test_specifications.py \
	tests/interfaces/test_model_rdm.py tests/interfaces/test_rdm_file.py \
	tests/interfaces/test_stimulus_files.py tests/workflows/test_builders.py
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: demo test slow check core lowest build docs clean help

help:            ## say what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## */\t/' | expand -t 12

demo: $(VENV)/ready   ## set up, simulate a small study, analyse it, and say where the report is
	$(BIN)/fmriprod demo $(DEMO) --n-procs $(JOBS)

test: $(VENV)/ready-test   ## set up, and run the tests that are quick
	$(BIN)/python -m pytest -n $(JOBS) --durations 10 -m "not slow"

slow: $(VENV)/ready-test   ## the tests that take longer
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --durations 10 -m slow

check: $(VENV)/ready-test   ## style, the contracts between the packages, and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy --strict --no-warn-return-any --package fmriprod.algorithms

core: $(VENV)/ready-core   ## tests of the core
	NO_ET=1 $(BIN)/python -m pytest -n $(JOBS) -m "not slow" $(CORE)

lowest: $(LOWEST)/ready   ## tests of the core with the oldest libraries that pyproject.toml allows
	$(LOWEST)/bin/python tests/support/lowest.py --check
	NO_ET=1 $(LOWEST)/bin/python -m pytest -n $(JOBS) -m "not slow" $(CORE)

build: $(VENV)/ready-test   ## wheel and source distribution, in dist/
	rm -rf build dist
	$(BIN)/python -m build

docs: $(VENV)/ready-docs   ## the documentation site, in build/docs; a warning is an error
	NO_ET=1 $(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs
	@echo "The documentation begins at build/docs/index.html"

clean:           ## remove what the other targets made
	rm -rf $(VENV) $(LOWEST) build dist $(DEMO) *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache .mypy_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fmriprod needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Give another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/ready-test: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,dev,docs]'
	touch $@ $(VENV)/ready

$(VENV)/ready-core: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/ready

$(VENV)/ready-docs: pyproject.toml setup.cfg | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@ $(VENV)/ready

$(LOWEST)/ready: pyproject.toml setup.cfg tests/support/lowest.py
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tests/support/lowest.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/lowest.txt --editable '.[test]'
	touch $@
