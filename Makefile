# `make demo` and `make test` need nothing but Python >= 3.11 and make; both set up the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# What only benchmarks need: the programs that they compare with.
PEERS  := $(VENV)/.peers
# Two test processes on two cores: one thread of torch in each.
WORKERS ?= 2

.PHONY: help setup demo test test-all lint docs screens bench-profile clean

help: ## This list
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## The virtual environment, made anew only when its inputs change

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; say make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup ## Train on three drawing styles, search a fourth (QUICK=1: two minutes)
	$(BIN)/python examples/pictograms/demo.py $(if $(QUICK),--quick)

test: setup ## The tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

test-all: setup ## The tests, slow ones too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m 'slow or not slow'

lint: setup ## Style, types, layers, and what tools write into the texts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/figures_in_texts.py --check
	$(BIN)/python tools/configuration_page.py --check
	$(BIN)/python tools/fusion_page.py --check

docs: setup ## The documentation: figures and keys into the pages, the site into site/
	$(BIN)/python tools/figures_in_texts.py
	$(BIN)/python tools/configuration_page.py
	$(BIN)/python tools/fusion_page.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

screens: setup ## Run the commands in the pages again and show what they print and draw (after make demo)
	$(BIN)/python tools/screens.py

$(PEERS): $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	@touch $@

bench-%: $(PEERS) ## A benchmark: loss, unseen-style, zero-shot, demo, copies, index, catalog, relevance, hybrid, cold-search, encode, columns, auto-weight, fusion, context-features, matching, memory, vqa, chat, decode (QUICK=1: small form)
	$(BIN)/python -m benchmarks.$(subst -,_,$*) $(if $(QUICK),--quick) $(if $(GPU),--gpu)

bench-profile: setup ## Parameters, GFLOPs and memory of each preset, into docs/profile.md
	$(BIN)/python tools/profile_models.py

clean: ## Remove what the demo, the benchmarks and the site's build wrote (not the environment)
	rm -rf runs site
