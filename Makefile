# make run | test | test-slow | lint | bench | soak | ecosystem | screenshots | clean; PYTHON, PORT, PYTEST_ARGS, BENCH,
# SOAK and ECOSYSTEM can be set.
PYTHON ?= python3
PORT ?= 7860
PYTEST_ARGS ?= -n 2 --dist loadfile
BENCH ?=
SOAK ?=
ECOSYSTEM ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
READY_DEV := $(VENV)/.installed-dev
READY_BENCH := $(VENV)/.installed-bench
READY_SLOW := $(VENV)/.installed-slow
PIP := $(BIN)/python -m pip install --disable-pip-version-check --prefer-binary -c constraints.txt

.DEFAULT_GOAL := run
.PHONY: run test test-slow lint bench soak ecosystem screenshots chromium clean

run: $(READY)
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

bench: $(READY_BENCH)
	$(BIN)/python -m benchmarks $(BENCH)

soak: $(READY_DEV)
	$(BIN)/python -m reliability $(SOAK)

ecosystem: $(READY_DEV)
	$(BIN)/python -m ecosystem $(ECOSYSTEM)

screenshots: $(READY_DEV) chromium
	$(BIN)/python scripts/screenshots.py

# Without root or apt-get the browser is the machine's affair; the tests say so when it is missing.
chromium:
	@command -v chromium || command -v chromium-browser || command -v google-chrome \
	  || { [ "$$(id -u)" -eq 0 ] && command -v apt-get && apt-get update -qq && apt-get install -y -qq chromium; } \
	  || echo "No Chromium was found; the browser tests need one."

# torch comes first and by itself: whatever build of the pinned version pip prefers here then stays.
$(READY): requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else "This needs Python 3.10 or newer, but $(PYTHON) is %d.%d. Please run: make PYTHON=/path/to/python3.12" % sys.version_info[:2])'
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) -r requirements.txt
	$(PIP) --no-deps -e .
	@touch $@

$(READY_DEV): requirements-dev.txt $(READY)
	$(PIP) -r requirements.txt -r requirements-dev.txt
	@touch $@

$(READY_BENCH): requirements-bench.txt requirements-export.txt $(READY)
	$(PIP) -r requirements.txt -r requirements-bench.txt -r requirements-export.txt
	@touch $@

$(READY_SLOW): requirements-export.txt requirements-milvus.txt requirements-ray.txt $(READY)
	$(PIP) -r requirements.txt -r requirements-export.txt -r requirements-milvus.txt -r requirements-ray.txt
	@touch $@

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache .import_linter_cache build tests/screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
