# `make demo` and `make test` need nothing but Python >= 3.11 and make; both create .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
SIDE_BY_SIDE := -n auto --dist loadfile

.PHONY: demo test check lint clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/scalesearch grid --phi 1 --out reports/demo

test: .venv/installed-test
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

# Everything CI demands: style, types, the floors of the house, and the whole suite with its slow part.
check: lint
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "slow or not slow"

lint: .venv/installed-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "scalesearch needs Python >= 3.11, got " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-test: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ .venv/installed

.venv/installed-check: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[check]'
	touch $@ .venv/installed-test .venv/installed

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
