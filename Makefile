# make demo: install and start the dashboard. make test: install and run every check and test.
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && echo $$name && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint unit app browser chromium clean

demo: $(VENV)/.installed
	$(BIN)/streamlit run app.py --server.port 8501

test: lint unit app browser

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/unit

app: $(VENV)/.installed-dev
	$(BIN)/python -m pytest tests/app

browser: $(VENV)/.installed-dev chromium
	$(BIN)/python -m pytest tests/browser

# The browser tests drive the system's Chromium.
chromium:
	@command -v chromium >/dev/null || { \
		root=; [ "$$(id -u)" = 0 ] || root=sudo; \
		$$root apt-get update && $$root apt-get install -y --no-install-recommends chromium fonts-dejavu-core; }

$(VENV)/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11, 3.12 or 3.13 is needed and was not found." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) artifacts .mypy_cache .pytest_cache .ruff_cache .hypothesis
