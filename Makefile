PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL_INPUTS := pyproject.toml constraints.txt packaging/install.sh

.DEFAULT_GOAL := help
.PHONY: help demo serve test fuzz chaos lint bench clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

# Each stamp is touched only after its install ended, so an interrupted one is taken up again.
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed; this is " + sys.version.split()[0] + ": set PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(INSTALL_INPUTS) | $(VENV)/.created
	packaging/install.sh $(BIN)/python "" --editable
	touch $@

$(VENV)/.installed-test: $(INSTALL_INPUTS) | $(VENV)/.created
	packaging/install.sh $(BIN)/python test --editable
	touch $(VENV)/.installed $@

$(VENV)/.installed-bench: $(INSTALL_INPUTS) | $(VENV)/.created
	packaging/install.sh $(BIN)/python test,bench --editable
	touch $(VENV)/.installed $(VENV)/.installed-test $@

demo: $(VENV)/.installed ## Run a real study end to end (80 ms on a Pixel 1)
	$(BIN)/spnas demo $(ARGS)

serve: $(VENV)/.installed ## Start API, dashboard and dispatcher
	$(BIN)/spnas serve $(ARGS)

test: $(VENV)/.installed-test lint ## Check types and imports, and run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

fuzz: $(VENV)/.installed-test ## Have schemathesis and hypothesis try the API for minutes, anew each time
	SPNAS_FUZZ_EXAMPLES=60 SPNAS_FUZZ_SEED=$$$$ $(BIN)/python -m pytest tests/service/api/test_conformance.py tests/service/api/test_life_cycle.py $(ARGS)

chaos: $(VENV)/.installed-test ## Kill parts of a deployment at random, check that nothing is lost
	$(BIN)/python -m tests.chaos $(ARGS)

lint: $(VENV)/.installed-test ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.installed-bench ## List the benchmarks; make bench-NAME ARGS=... runs one
	@ls benchmarks | sed -n 's/^\([a-z][a-z_]*\)\.py$$/make bench-\1/p'

bench-%: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.$* $(ARGS)

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .wheels .mypy_cache .ruff_cache .pytest_cache .hypothesis
