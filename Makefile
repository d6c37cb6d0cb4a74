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
TOOLS := $(VENV)/tools
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help demo test test-anywhere test-scale lint unit app browser install install-dev chromium lock audit clean

help:
	@echo "make demo      install and start the dashboard on http://127.0.0.1:8501"
	@echo "make test      install what tests need, then lint, types and all tests"
	@echo "make test-anywhere  the container, and the HTTP interface under load and odd requests"
	@echo "make test-scale  two ranks, a Ray cluster on this machine, a queue of 200 runs"
	@echo "make lint      ruff and mypy"
	@echo "make unit      unit tests alone    make app      tests of the pages alone"
	@echo "make browser   browser tests alone make clean    remove what was made, runs excepted"
	@echo "make lock      write requirements.lock   make audit    look for known vulnerabilities"

demo: install
	$(BIN)/streamlit run app.py --server.address 127.0.0.1 --server.port 8501

test: lint chromium
	$(BIN)/python -m pytest tests/unit tests/app $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest tests/browser

# As root on Linux with debootstrap, the image is built from the Dockerfile's own steps; with caddy and
# coturn compose.yaml is tried, too. docs/deploy.md names all packages.
test-anywhere: install-dev
	EMOTION_FUZZ=1 $(BIN)/python -m pytest tests/unit/serve/test_schema.py tests/container
	$(BIN)/python -m benchmarks.serve --run sequential --seconds 2 --rounds 1

# Two ranks, a real Ray cluster, and a queue of 200 runs: minutes. Ray gets an environment of its own
# that sees the packages of .venv, since it brings many of its own.
test-scale: $(VENV)/scale/installed
	$(VENV)/scale/bin/python -m pytest tests/scale
	$(BIN)/python -m benchmarks.scale --rounds 1 --queued 200

$(VENV)/scale/installed: requirements-scale.txt | install-dev
	$(BIN)/python -m venv $(VENV)/scale
	$(BIN)/python -c 'import pathlib, sysconfig; path = sysconfig.get_path("purelib"); \
	pathlib.Path(path.replace("$(VENV)", "$(VENV)/scale", 1), "base.pth").write_text(path)'
	$(VENV)/scale/bin/python -m pip install --disable-pip-version-check $(PIP_ARGS) \
	$$(sed -n 's/^\(ray[^ ]*\).*/\1/p' requirements-scale.txt)
	@touch $@

lint: install-dev
	$(BIN)/ruff format --check $(SOURCES) tests
	$(BIN)/ruff check $(SOURCES) tests
	$(BIN)/mypy $(SOURCES)

unit app: install-dev
	$(BIN)/python -m pytest tests/$@ $(SIDE_BY_SIDE)

browser: install-dev chromium
	$(BIN)/python -m pytest tests/browser

# The tested versions of requirements.txt and of all that they bring, with the hashes of their files.
# PyTorch is left out with torchvision: its CPU and CUDA builds are different files, and people
# choose one. Nothing else brings it. Hashes come from the index that pip asks; no address is kept.
lock: install $(TOOLS)/installed
	sed '/^torch/d' requirements.txt > $(TOOLS)/direct.txt
	$(BIN)/python -m pip freeze | sed '/^torch/d; / @ /d; /^-e/d' > $(TOOLS)/tested.txt
	@{ echo "# Written by make lock from requirements.txt, for Python 3.11 to 3.13. docs/security.md"; \
	echo "# says how to install with it. torch and torchvision are left out: see there."; \
	} > $(TOOLS)/requirements.lock
	$(TOOLS)/bin/uv pip compile $(TOOLS)/direct.txt --constraint $(TOOLS)/tested.txt --universal \
	--python-version 3.11 --generate-hashes --no-header --no-annotate --quiet \
	>> $(TOOLS)/requirements.lock
	mv $(TOOLS)/requirements.lock requirements.lock

# Asks a public list of vulnerabilities for each locked version; needs a network.
audit: $(TOOLS)/installed
	sed -n 's/^\(torch[a-z]*==[0-9.]*\).*/\1/p' requirements.txt > $(TOOLS)/torch.txt
	$(TOOLS)/bin/pip-audit --strict --no-deps --disable-pip -r $(TOOLS)/torch.txt
	$(TOOLS)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock

$(TOOLS)/installed: | $(BIN)/python
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --disable-pip-version-check --quiet uv==0.13.9 pip-audit==2.10.1
	@touch $@

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
