# The commands of radiusmfa. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help env run test quick lint types each property live bench conf pages dist lock clean

BIN := .venv/bin
# make run PORT=11812: another port for the demo. DIR: where its data lies.
PORT :=
DIR := run

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env:
	@tools/environment.sh

run: env ## from a fresh checkout to a running server with a demo user (PORT=11812 for another port)
	@$(BIN)/radiusmfa init --demo --keep $(if $(PORT),--port $(PORT)) $(DIR)
	@exec $(BIN)/radiusmfa --config $(DIR)/radiusmfa.yaml run

test: ## everything: environment, Debian packages for the live tests, lint, types, every test
	@tools/debian.sh
	@$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest

quick: lint types ## lint, types, and the tests that need no network: a minute
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/unit $(wildcard tests/contracts tests/flows)

lint: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check --quiet

types: env
	$(BIN)/mypy

each: env ## every module covered by its own test module alone
	$(BIN)/python tools/each.py $(ONLY)

property: env ## long random runs; the seed is printed
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q tests/property

live: env ## real UDP on loopback, with other people's clients and servers
	@tools/debian.sh
	$(BIN)/python -m pytest -q tests/live

bench: env ## CPU per login against FreeRADIUS in the same minute
	@tools/debian.sh
	$(BIN)/python -m bench

conf: env ## load conf/radiusmfa.yaml and compare its settings with the model
	$(BIN)/python -m pytest -q tests/unit/config/test_example.py

pages: env ## write docs/devices anew from conf/profiles
	$(BIN)/python tools/device_pages.py

dist: env ## wheel and source distribution, built twice and compared
	$(BIN)/python tools/dist.py

lock: env ## make requirements.lock again from setup.cfg
	tools/lock.sh

clean: ## remove what was built, and the demo's data in run/; .venv stays
	rm -rf build dist run *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage*
