# make run | test | test-slow | lint | audit | bench | soak | ecosystem | space | screenshots | clean; PYTHON, PORT,
# PYTEST_ARGS, BENCH, SOAK, ECOSYSTEM and SPACE can be set.
PYTHON ?= python3
PORT ?= 7860
PYTEST_ARGS ?= -n 2 --dist loadfile
BENCH ?=
SOAK ?=
ECOSYSTEM ?=
SPACE ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
READY_DEV := $(VENV)/.installed-dev
READY_BENCH := $(VENV)/.installed-bench
READY_SLOW := $(VENV)/.installed-slow
READY_MCP := $(VENV)/.installed-mcp
PIP := $(BIN)/python -m pip install --disable-pip-version-check --prefer-binary -c constraints.txt

.DEFAULT_GOAL := run
.PHONY: run test test-slow lint audit bench soak ecosystem space screenshots chromium clean

# Gradio reads the variable; the tools need one more package.
run: $(READY) $(if $(filter true,$(shell echo "$(GRADIO_MCP_SERVER)" | tr A-Z a-z)),$(READY_MCP))
	@echo "Starting the app: http://localhost:$(PORT)"
	@$(BIN)/python -m mote_demo run --port $(PORT)

test: $(READY_DEV) chromium lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slow: $(READY_DEV) $(READY_SLOW)
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Asks the public database of advisories; the auditor has an environment of its own, so that it does not audit itself.
audit:
	@[ -x .cache/audit/bin/pip ] || $(PYTHON) -m venv .cache/audit
	.cache/audit/bin/pip install --disable-pip-version-check -q pip-audit
	.cache/audit/bin/pip-audit -r constraints.txt --no-deps --disable-pip --strict

bench: $(READY_BENCH)
	$(BIN)/python -m benchmarks $(BENCH)

soak: $(READY_DEV)
	$(BIN)/python -m reliability $(SOAK)

ecosystem: $(READY_DEV) $(READY_SLOW)
	$(BIN)/python -m ecosystem $(ECOSYSTEM)

# The folder that would be pushed to a Space, checked. SPACE="--models OWNER/NAME" leaves the checkpoints to the Hub.
space: $(READY_DEV)
	$(BIN)/python scripts/space.py $(SPACE)

screenshots: $(READY_DEV) chromium
	$(BIN)/python scripts/screenshots.py

# Without root or apt-get the browser is the machine's affair; the tests say so when it is missing.
chromium:
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
	  || { [ "$$(id -u)" -eq 0 ] && command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } \
	  || echo "No Chromium was found; the browser tests need one."

# torch comes first and by itself: whatever build of the pinned version pip prefers here then stays.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "This needs Python 3.10 or newer, but $(PYTHON) is %d.%d. Please run: make PYTHON=/path/to/python3.12" % sys.version_info[:2])'
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -e ".[app]"
	@touch $@

$(READY_DEV): $(READY)
	$(PIP) -e ".[app,dev]"
	@touch $@

$(READY_BENCH): $(READY)
	$(PIP) -e ".[app,bench]"
	@touch $@

$(READY_SLOW): $(READY)
	$(PIP) -e ".[app,dev,export,milvus,ray]"
	@touch $@

$(READY_MCP): $(READY)
	$(PIP) -e ".[app,mcp]"
	@touch $@

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache .import_linter_cache build tests/screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
