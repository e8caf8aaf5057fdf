SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test smoke check generate bench

BIN := .venv/bin
READY := .venv/.ready

help:  ## list the commands
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 18

# Editable: Python files need no reinstallation, a change of the C++ runtime does.
$(READY): pyproject.toml $(shell find runtime)
	python3 -m venv .venv
	$(BIN)/pip install -e '.[test,dev]'
	touch $@

demo: $(READY)  ## compile and run a shipped network
	$(BIN)/eie demo

test: $(READY)  ## all tests
	$(BIN)/pytest

smoke: $(READY)  ## the tests that take seconds
	$(BIN)/pytest -m smoke

check: $(READY)  ## lint, format, types, generated files, links
	$(BIN)/ruff check
	$(BIN)/ruff format --check
# mypy does not know that schedules/ is installed inside eie_backend/: lay the files as in the wheel.
	rm -rf build/mypy/eie_backend
	mkdir -p build/mypy
	cp -r eie_backend build/mypy/
	cp -r schedules build/mypy/eie_backend/
	cd build/mypy && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p eie_backend
	find runtime \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0r $(BIN)/clang-format --dry-run -Werror
	$(BIN)/python -m eie_backend.isa.generate --check
	$(BIN)/python .ci/check_links.py

generate: $(READY)  ## rewrite the generated files
	$(BIN)/python -m eie_backend.isa.generate

bench: $(READY)  ## run every benchmark
	for script in benchmarks/*.py; do $(BIN)/python "$$script"; done
