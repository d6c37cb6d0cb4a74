# make demo: the dashboard on http://127.0.0.1:8501. make test: lint, types and all tests.
# PYTHON=python3.12 picks an interpreter; PIP_ARGS="..." goes to every pip install, for example
# PIP_ARGS="--extra-index-url URL" with the index that pytorch.org names for builds without CUDA.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS)
SOURCES := emotion_core pages app.py benchmarks research
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test lint unit app browser install install-dev chromium clean

help:
	@echo "make demo      install and start the dashboard on http://127.0.0.1:8501"
	@echo "make test      install what tests need, then lint, types and all tests"
	@echo "make lint      ruff and mypy"
	@echo "make unit      unit tests alone    make app      tests of the pages alone"
	@echo "make browser   browser tests alone make clean    remove what was made, runs excepted"

demo: install
	$(BIN)/streamlit run app.py --server.address 127.0.0.1 --server.port 8501

test: lint chromium
	$(BIN)/python -m pytest tests/unit tests/app $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest tests/browser

lint: install-dev
	$(BIN)/ruff format --check $(SOURCES) tests
	$(BIN)/ruff check $(SOURCES) tests
	$(BIN)/mypy $(SOURCES)

unit app: install-dev
	$(BIN)/python -m pytest tests/$@ $(SIDE_BY_SIDE)

browser: install-dev chromium
	$(BIN)/python -m pytest tests/browser

# The stamps make a second call do nothing until a requirements file changes.
install: $(VENV)/installed
install-dev: $(VENV)/installed-dev

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 with venv was found. Install one \
	(Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(BIN)/python
	$(PIP) -r requirements.txt
	@touch $@

# grad-cam depends on opencv-python, which would overwrite opencv-python-headless.
$(VENV)/installed-dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(PIP) -r requirements-dev.txt
	$(PIP) --no-deps grad-cam==1.5.7 ttach==0.0.3
	@touch $@ $(VENV)/installed

chromium: | install-dev
	@if $(BIN)/python -c 'import sys; from benchmarks.browser import chromium_path; \
	sys.exit(chromium_path() is None)'; then :; \
	elif command -v apt-get >/dev/null; then \
	$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends chromium; \
	else echo "error: no Chromium was found. Install it, or name it in CHROMIUM."; exit 2; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis artifacts
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
