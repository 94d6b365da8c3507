# Needs git, make and Python 3.11 or later; everything else goes into .venv, from the hash-locked lists
# in requirements/. 'make' alone says what there is.

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3 python,$(shell \
	$(p) -c 'import sys, venv, ensurepip; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
PIP := $(PY) -m pip --disable-pip-version-check --no-input --quiet
LOCKED := $(PIP) install --no-compile --only-binary :all: --require-hashes --requirement
ROOM ?=

.DEFAULT_GOAL := help
.PHONY: help compare test check proof bench docs web screenshots lock bare clean

help:
	@echo 'make compare   install what the main job needs and run it: tables here, the page in out/'
	@echo 'make test      install the rest and run every test; ROOM=base runs tests/base'
	@echo 'make check     ruff, mypy, import rules, dependencies, documents that run'
	@echo 'make bare      the wheel in a fresh environment without extras'
	@echo 'make proof     property tests at length; ROOM=analysis for one room'
	@echo 'make bench     ratios against baselines measured in the same run'
	@echo 'make docs      write the generated pages again'
	@echo 'make web       build the pages of fusemax serve again (needs node)'
	@echo 'make screenshots  pictures of every page in out/screenshots (needs Chromium)'
	@echo 'make best-mappings  run the searches of docs/explanation/best-mappings.md again (PARTS="a d")'
	@echo 'make lock      resolve the dependencies again'

# An installed environment is a stamp in .venv; it is made again when its list changes.
$(VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { echo 'make: no Python 3.11 or later found (set PYTHON=...)'; exit 1; }
	@echo 'Creating $(VENV)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.compare: requirements/compare.txt | $(VENV)/pyvenv.cfg
	@test $(VENV)/.all -nt $< || { echo 'Installing $<'; $(LOCKED) $<; }
	@touch $@

$(VENV)/.all: requirements/all.txt | $(VENV)/pyvenv.cfg
	@echo 'Installing $<'
	@$(LOCKED) $<
	@touch $@ $(VENV)/.compare

$(VENV)/.project: pyproject.toml $(VENV)/.compare
	@test $@ -nt pyproject.toml || $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

compare: $(VENV)/.project
	@$(BIN)/fusemax compare --output out

test: $(VENV)/.all $(VENV)/.project
	@$(PY) -m pytest -q -n auto $(if $(ROOM),tests/$(ROOM))

check: $(VENV)/.all $(VENV)/.project
	$(BIN)/ruff check .
	$(BIN)/mypy
	@$(BIN)/lint-imports --quiet 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/deptry src
	$(PY) -m pytest -q tests/documents

proof: $(VENV)/.all $(VENV)/.project
	HYPOTHESIS_PROFILE=proof $(PY) -m pytest -q -m 'proof or not proof' $(if $(ROOM),tests/$(ROOM))

bench: $(VENV)/.all $(VENV)/.project
	@$(PY) -m bench.run $(TOPIC) $(if $(WRITE),--write)

docs: $(VENV)/.all $(VENV)/.project
	@$(PY) -m docs.generate
	@$(PY) -m docs.tiles

web/node_modules/.package-lock.json: web/package-lock.json
	@echo 'Installing web/package-lock.json'
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

web: web/node_modules/.package-lock.json
	@cd web && npm run --silent build

screenshots: $(VENV)/.all $(VENV)/.project
	@$(PY) -m docs.screenshots $(if $(WRITE),--write)

best-mappings: $(VENV)/.all $(VENV)/.project
	@$(PY) -m docs.best_mappings $(PARTS)
	@$(PY) -m docs.generate

bare: $(VENV)/.project
	@.ci/bare

EXPORT := pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
	--custom-compile-command 'make lock' --no-emit-index-url --no-emit-find-links

lock: | $(VENV)/pyvenv.cfg
	@test -x $(BIN)/uv || $(PIP) install uv
	$(BIN)/uv $(EXPORT) $(if $(UPGRADE),--upgrade) --all-extras --group dev --output-file requirements/all.txt
	$(BIN)/uv $(EXPORT) --extra charts --group build $(if $(UPGRADE),--upgrade) --constraints requirements/all.txt --output-file requirements/compare.txt
	$(BIN)/uv $(EXPORT) $(if $(UPGRADE),--upgrade) --constraints requirements/all.txt --output-file requirements/base.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
