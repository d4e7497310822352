# Every target makes what it needs: a .venv at the project's root with what requirements.txt pins.
# Another interpreter: make PYTHON=/path/to/python3.13 test

export PYTHON
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup demo test sweep bench lint fix lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s%s\n", $$1, $$2}' Makefile

setup: ## make .venv ready (the other targets do it by themselves)
	@scripts/setup

demo: setup ## an hour of a real trace in under a minute, over providers that fail
	@$(PY) -m actorrouter demo $(ARGS)

test: setup ## format, rules, types, imports, tests
	@scripts/check $(ARGS)

sweep: setup ## scenarios under several seeds, in virtual time (ARGS: scenarios, --seeds 100)
	@$(if $(ARGS),$(PY) -m actorrouter sweep $(ARGS),scripts/sweep)

bench: setup ## every benchmark in full, kept in bench-results/ (ARGS: names, --smoke)
	@scripts/bench $(ARGS)

lint: setup ## the checks without the tests
	@scripts/check --no-tests

fix: setup ## format, and mend what can be mended
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

lock: setup ## pin again what pyproject.toml asks for (newer: make lock ARGS=--upgrade)
	@scripts/lock $(ARGS)

clean: ## remove .venv and everything that was made
	@rm -rf .venv .venv-peers .aimock bench-results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist demo-report
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
