# musicedge: `make demo` needs Python 3.10 or newer and nothing else; `make help` lists the rest.

PYTHON ?= python3
# timm needs torchvision, and that the very torch that it was built for: so both are named. On Linux these
# bring several GB of CUDA libraries. A pair for CPUs alone can be had from torch's own index (see its install
# page), and any pair that pyproject.toml allows will do: make TORCH='torch==... torchvision==...' test
TORCH ?= torch==2.14.1 torchvision==0.29.1
# More arguments for pytest, as in `make test PYTEST_ARGS="-m 'not slow'"`; -n 0 runs all in one process.
PYTEST_ARGS ?=
# Files of tests are shared out among processes: as many as there are cores, but each takes about 1 GB.
PYTEST := -m pytest -n auto --maxprocesses 4 --dist loadfile

EXAMPLE := examples/corner-store-shuffle.mp3
RUN := .venv
DEV := .venv-dev
LOWEST := .venv-lowest

.DEFAULT_GOAL := help
.PHONY: help demo test lint types laws pytest test-lowest bench example gallery wheel clean
.PHONY: environment environment-dev environment-lowest

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1/p' $(MAKEFILE_LIST) | awk '{ t = $$1; $$1 = ""; printf "  make %-12s%s\n", t, $$0 }'

demo: environment  ## tell genre and mood of the example piece, with the runtime alone
	@echo '$$ musicedge classify $(EXAMPLE)'
	@$(RUN)/bin/python -m musicedge classify $(EXAMPLE)

test: lint types laws pytest  ## everything that CI checks

lint: environment-dev  ## layout and style (ruff)
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/ruff check

types: environment-dev  ## types of the runtime (mypy --strict)
	$(DEV)/bin/mypy

laws: environment-dev  ## which room may import which (import-linter)
	$(DEV)/bin/lint-imports

pytest: environment-dev  ## the tests alone
	$(DEV)/bin/python $(PYTEST) $(PYTEST_ARGS)

test-lowest: environment-lowest  ## the runtime's tests with the oldest versions that it allows
	$(LOWEST)/bin/python $(PYTEST) $(PYTEST_ARGS) tests/runtime

bench: environment-dev  ## latency, memory, size and accuracy
	$(DEV)/bin/python -m musicedge_benchmarks

example: environment  ## render the example piece again (needs fluidsynth and FluidR3)
	$(RUN)/bin/python examples/compose.py

gallery: environment-dev  ## make docs/gallery.md and its pictures again (needs chromium)
	$(DEV)/bin/python examples/gallery.py

wheel: environment-dev  ## build the wheel into dist/
	$(DEV)/bin/python -m build --wheel --no-isolation

clean:  ## remove environments, builds and tools' caches
	rm -rf $(RUN) $(DEV) $(LOWEST) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. Each is made once, and again when pyproject.toml or the version of Python changes, or
# when it does not hold what it should: MODULES are imported, and this checkout's musicedge among them;
# PRESENT are slow to import and only looked for. The copy of pyproject.toml in it is written last, so
# that an installation that was interrupted is gone on with.
environment: FOLDER := $(RUN)
environment: MODULES := numpy, onnxruntime, soundfile, soxr, click, rich
environment: WHAT := the runtime: about 200 MB, no torch
environment: STEPS := $$pip -e .

environment-dev: FOLDER := $(DEV)
environment-dev: MODULES := numpy, onnxruntime, onnx, av, pytest, xdist, hypothesis
environment-dev: PRESENT := torch torchvision timm lightning librosa sklearn jsonschema mypy importlinter hatchling build
environment-dev: WHAT := the development tools: torch first, then the rest, some minutes
environment-dev: STEPS := $$pip $(TORCH); echo "make: torch is there; now the rest"; $$pip -e '.[dev]'

environment-lowest: FOLDER := $(LOWEST)
environment-lowest: MODULES := numpy, onnxruntime, pytest, xdist
environment-lowest: WHAT := the oldest versions that the runtime allows
environment-lowest: STEPS := $$pip -c tests/constraints-lowest.txt -e '.[media,mic,test]'

environment environment-dev environment-lowest:
	@version='import sys; print("%d.%d.%d" % sys.version_info[:3])'; \
	wanted=$$($(PYTHON) -c "$$version" 2>/dev/null) || { \
	  echo "make: $(PYTHON) does not run; name a Python 3.10 or newer, as in: make PYTHON=python3.12 demo" >&2; \
	  exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "make: $(PYTHON) is Python $$wanted, which is too old; name a Python 3.10 or newer, as in:" \
	    "make PYTHON=python3.12 demo" >&2; \
	  exit 1; }; \
	python=$(FOLDER)/bin/python; \
	right="import os, importlib.util, $(MODULES), musicedge; \
	assert all(map(importlib.util.find_spec, '$(PRESENT)'.split())); \
	assert musicedge.__file__.startswith(os.getcwd() + os.sep)"; \
	found=$$($$python -I -c "$$version" 2>/dev/null); \
	same=$$(cmp -s pyproject.toml $(FOLDER)/pyproject.toml && echo yes); \
	holds=$$($$python -I -c "$$right" 2>/dev/null && echo yes); \
	if [ "$$found" = "$$wanted" ] && [ "$$same$$holds" = yesyes ]; then exit 0; fi; \
	set -e; \
	if [ "$$found" != "$$wanted" ] || [ "$$same" = yes ] \
	  || ! $$python -I -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "make: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	    exit 1; }; \
	  echo "make: making $(FOLDER) with Python $$wanted"; \
	  $(PYTHON) -m venv --clear $(FOLDER); \
	fi; \
	rm -f $(FOLDER)/pyproject.toml; \
	echo "make: installing into $(FOLDER) ($(WHAT))"; \
	pip="$$python -m pip --disable-pip-version-check --quiet install"; \
	$(STEPS); \
	$$python -I -c "$$right" || { \
	  echo "make: $(FOLDER) does not hold what was installed; remove it and try again: rm -r $(FOLDER)" >&2; \
	  exit 1; }; \
	cp pyproject.toml $(FOLDER)/pyproject.toml; \
	echo "make: $(FOLDER) is ready"
