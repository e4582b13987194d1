# `make demo` and `make test` need nothing but Python >= 3.11 and make; both create .venv themselves.
PYTHON ?= python3
BIN := .venv/bin
# -qq hides pip's warnings, which are about the machine's own pip settings and about editable installs as such; its
# errors are still printed.
PIP_INSTALL := @$(BIN)/python -m pip install -qq --disable-pip-version-check
# Whole files to each process, in the order of tests/conftest.py and not by the number of their tests.
SIDE_BY_SIDE := -n auto --dist loadfile --no-loadscope-reorder

.PHONY: demo test check lint docs clean
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

# The manual as a site in docs/_build; a broken link or reference is an error.
docs: .venv/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo 'Open docs/_build/index.html'

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "scalesearch needs Python >= 3.11, got " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	$(PIP_INSTALL) --upgrade pip

# $(1): which of the extras of pyproject.toml.
define install
@echo 'Installing scalesearch and its packages$(if $(1), ($(1)),) into .venv; the first time this takes some minutes, since torch is large (up to 6 GB on disk).'
$(PIP_INSTALL) --editable '.$(if $(1),[$(1)],)'
endef

.venv/installed: .venv/bin/python pyproject.toml
	$(call install,)
	@touch $@

.venv/installed-test: .venv/bin/python pyproject.toml
	$(call install,test)
	@touch $@ .venv/installed

.venv/installed-check: .venv/bin/python pyproject.toml
	$(call install,check)
	@touch $@ .venv/installed-test .venv/installed

.venv/installed-docs: .venv/bin/python pyproject.toml
	$(call install,docs)
	@touch $@ .venv/installed

clean:
	rm -rf .venv build docs/_build docs/commands *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
