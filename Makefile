# Two commands do everything on a fresh machine with Python 3.11 or newer:
#   make quick    set up, run the quick study, write its report
#   make test     set up, run the tests
#   make docs     the site of docs/, in build/site
# The README shows the plain commands behind both.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: quick test docs test-slow test-faults test-slurm audit setup lint format help

help:
	@sed -n 's/^#   //p' Makefile

quick: $(READY)
	$(BIN)/snakemake --cores all --config study=quick
	@echo "The report: results/quick/report.html"

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The tests that are too slow for every day.
test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

# Kills at random moments (RNNREG_MOMENTS of them), and damaged bytes: RNNREG_FUZZ of each kind, other
# ones each time. A failure names its RNNREG_FUZZ_SEED, with which they are the same again.
test-faults: $(READY)
	RNNREG_FUZZ=$${RNNREG_FUZZ:-1000} RNNREG_FUZZ_SEED=$${RNNREG_FUZZ_SEED:-$$(date +%s)} $(BIN)/python -m pytest -m "slow or not slow" tests/test_faults_*.py

# A study through Slurm's own daemons, two nodes on this machine; as root.
test-slurm: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt 'snakemake-executor-plugin-slurm'
	$(BIN)/python -m pytest -m slow -rs tests/test_slurm.py

# Known vulnerabilities of the pinned packages; it asks a service on the internet.
audit: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt pip-audit
	$(BIN)/python .ci/audit.py

# The site, gallery included; a warning is an error.
docs: $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(BIN)/python -m mkdocs build --quiet
	@echo "The site: build/site/index.html"

setup: $(READY)

# torch first and alone, by its exact version: whichever build the machine's pip offers, CPU or
# CUDA, is then kept by what comes after.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rnnreg needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile
	$(BIN)/python .ci/lint_workflow.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile
