# `make run` starts a router that needs no key and no network; `make test` runs every check. `make help` lists the rest.
#   PORT=3457     the port to serve on            CONFIG=FILE   a configuration of your own
#   PYTHON=...    the Python that makes the venv  ARGS="-k x"   passed on to pytest

PYTHON ?= python3
VENV ?= .venv
PORT ?=
CONFIG ?=
ARGS ?=

BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
PYTEST := $(PY) -m pytest
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --quiet --group build

.DEFAULT_GOAL := help
.PHONY: help run test test-integration test-functional lint format docs bench token-error e2e faults soak fuzz lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.stamp-run ## start the router on a ready configuration (PORT=, CONFIG=)
	@exec $(BIN)/ccr start $(if $(CONFIG),--config "$(CONFIG)",--demo) $(if $(PORT),--port "$(PORT)")

test: lint ## everything: formatting, lint, types, tests
	@$(PYTEST) $(ARGS)

test-integration: $(VENV)/.stamp-dev ## only the tests of several packages together
	@$(PYTEST) -m integration $(ARGS)

test-functional: $(VENV)/.stamp-dev ## only the tests of the program as a user runs it
	@$(PYTEST) -m "functional or e2e" $(ARGS)

lint: $(VENV)/.stamp-dev ## formatting, lint and types
	@$(BIN)/ruff format --check --quiet . || { echo "some files are not formatted; run \`make format\`" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

format: $(VENV)/.stamp-dev ## format the code and mend what lint can mend
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

docs: $(VENV)/.stamp-dev ## rewrite the generated parts of the documentation and the outputs of its commands
	@$(PY) -m tests.docs.generate

bench: $(VENV)/.stamp-dev ## latency, throughput and memory beside the yardsticks; JSON in bench-results/
	@$(PY) -m tests.bench $(ARGS)

token-error: $(VENV)/.stamp-dev ## how far `inputTokens` is from public tokenizers (installs two of them, once)
	@$(PY) -c "import bpe_openai, anthropic_tokenizer" 2>/dev/null || $(PIP) install bpe-openai==0.1.4 anthropic-tokenizer==0.1.0
	@$(PY) -m tests.bench.token_error $(ARGS)

e2e: $(VENV)/.stamp-dev ## the real client through the router (npm installs it; skipped visibly without npm)
	@$(PYTEST) -m e2e_client $(ARGS)

faults: $(VENV)/.stamp-dev ## the fault laboratory: what is lost and what is doubled when upstreams misbehave
	@$(PYTEST) -m faults -s $(ARGS)

soak: $(VENV)/.stamp-dev ## 100,000 requests with 1 % faults: flat memory, nothing left over (ARGS=N for another number)
	@$(PY) -m tests.e2e.soak $(ARGS)

fuzz: $(VENV)/.stamp-dev ## all property tests with many more examples, other ones each time
	@HYPOTHESIS_PROFILE=thorough $(PYTEST) tests/properties tests/rules/analysis/test_counterfactual.py $(ARGS)

lock: $(VENV)/.stamp-dev ## newest versions that pyproject.toml allows into the lock files
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade -o requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --upgrade --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## remove what was built, the virtual environment included
	@rm -rf $(VENV) build dist bench-results tests/output .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# INVARIANT: once its stamp stands, a target asks no package index for anything.
$(VENV)/.stamp-run: requirements.lock pyproject.toml | $(PY)
	@echo "installing what the router needs into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.stamp-dev: requirements-dev.lock pyproject.toml | $(PY)
	@echo "installing what the tests need into $(VENV) (once)" >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-index --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.stamp-run

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "ccr needs Python 3.11 or newer, and \`$(PYTHON)\` is not; name one with \`make PYTHON=/path/to/python3.11\`" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "\`$(PYTHON)\` has no venv module; on Debian and Ubuntu: \`apt install python3-venv\`" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
