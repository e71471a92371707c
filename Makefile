# Everything a developer runs. `make help` reads the comments behind the targets.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH := $(VENV)/bench/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	--custom-compile-command 'make lock'

# Half as many again as there are cores, for the tests spend a third of their time waiting for commands, browsers and
# databases; at most 12, since all of them share one database server.
PROCESSES ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$(( cores < 8 ? cores * 3 / 2 : 12 )))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-sdk fuzz bench bench-full bench-reading check format lock schema docs clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(INSTALLED) ## Make .venv with the pointport command in it

$(INSTALLED): requirements/dev.lock requirements/openapi-client.lock pyproject.toml
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(PYTHON) -m venv $(VENV)/openapi-client
	@$(VENV)/openapi-client/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/openapi-client.lock
	@# The tests start hundreds of commands: also where Python is told to write no bytecode, each finds ours compiled.
	@$(BIN)/python -m compileall -q src
	@touch $@

demo: $(INSTALLED) ## Run the main job on sample data, in the folder .demo
	@$(BIN)/python examples/demo.py

test: $(INSTALLED) ## Run the tests; DATABASE_URL=… runs them on that PostgreSQL instead of the embedded one
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal

test-sdk: $(INSTALLED) ## Drive a server with the official JavaScript client (needs node, and the npm registry)
	@npm --prefix tests/sdk ci --silent
	@POINTPORT_TEST_SDK=1 $(BIN)/python -m pytest -q tests/sdk

FUZZ_SECONDS ?= 60
fuzz: $(INSTALLED) ## Read whatever bytes for FUZZ_SECONDS (60), and files that are hard to read: no crash, little memory
	@POINTPORT_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -q -n auto --dist worksteal \
		tests/unit/test_reading_fuzz.py

bench: $(INSTALLED) $(BENCH) ## Measure what is promised, beside the floor and beside others, for docs/benchmarks.md (10 minutes)
	@$(BIN)/python -m bench

bench-full: $(INSTALLED) $(BENCH) ## The same with 5 million rows
	@$(BIN)/python -m bench --full

bench-reading: $(INSTALLED) $(BENCH) ## Compare our reading of messy files with other readers, for docs/reading.md
	@$(VENV)/bench/bin/python -m bench.reading.compare

$(BENCH): requirements/bench.lock
	@echo "Installing into $(VENV)/bench ..."
	@$(PYTHON) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements/bench.lock
	@touch $@

check: $(INSTALLED) ## Hold the code to the rules: style, types, the import contract, SQL
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/sqlfluff lint --nocolor --processes 2 src

format: $(INSTALLED) ## Put the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/sqlfluff fix --quiet src

lock: $(INSTALLED) ## Renew requirements/*.lock (hashes, no index addresses)
	$(LOCK) --output-file requirements/runtime.lock pyproject.toml
	$(LOCK) --extra dev --output-file requirements/dev.lock pyproject.toml
	$(LOCK) --output-file requirements/openapi-client.lock requirements/openapi-client.in
	$(LOCK) --output-file requirements/bench.lock requirements/bench.in

schema: $(INSTALLED) ## Write the schema that the migrations lead to into migrations/schema.sql
	$(BIN)/python scripts/schema.py > schema.sql.new && mv schema.sql.new src/pointport/migrations/schema.sql

docs: $(INSTALLED) ## Write docs/reference from the program itself
	$(BIN)/python scripts/reference.py

clean: ## Take away what the commands above made
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
