# One command for each thing one does here. `make` lists them.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate
TESTS ?= not full
# One more than the cores: some tests wait for Airflow.
IN_PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
# Where it is set, each of the many processes would compile TensorFlow and Airflow anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env ministack run airflow stop test test-store tuf-conformance test-distributed test-full check types quick format hooks lock docs secrets clean

help:  ## This list
	@sed -n 's/^\([a-z-]*\):.*##/  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

env:  ## .venv with the smartwatts command, from requirements.lock
	@$(PYTHON) scripts/environment.py

ministack: env  ## .venv-ministack with an S3 server that knows users, for tests
	@$(BIN)/python -m scripts.side_environment ministack

run: env  ## Airflow up, a weekly retraining through it, and what it decided
	@$(BIN)/python -m scripts.run $(ARGS)

airflow: env  ## A command of Airflow's in the local stack: ARGS="dags list-runs retrain_weekly"
	@$(BIN)/python -m scripts.airflow_command $(ARGS)

stop:  ## End what make run started; no process is left
	@test ! -x $(BIN)/python || $(BIN)/python -m scripts.stop

test: env  ## Every test, the heavy ones with reduced counts
	-@$(BIN)/python -m scripts.side_environment ministack
	$(PYTEST) $(IN_PARALLEL) -m "$(TESTS)"

test-store: ministack  ## The store in full: crashes, races, servers, pullers, users
	$(PYTEST) tests/store tests/objects -s

tuf-conformance: env  ## Both pullers in the suite of The Update Framework, SUITE=a checkout of it
	$(BIN)/python -m scripts.tuf_conformance $(SUITE)

test-distributed: ministack  ## Celery, Redis, Postgres and S3: a worker dies in mid-training
	@$(BIN)/python -m scripts.side_environment compose
	@for program in initdb redis-server; do command -v $$program >/dev/null || ls /usr/lib/postgresql/*/bin/$$program >/dev/null 2>&1 || apt-get install -y -qq postgresql redis-server; done
	$(PYTEST) tests/airflow/test_distributed.py -s -n 0 -m full

test-full: ministack  ## Every test in full
	$(PYTEST) $(IN_PARALLEL)

check: env  ## Format, lint, types and quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(MAKE) --no-print-directory --jobs 2 types quick

types: env  ## Types of everything, tests and benchmarks too
	$(BIN)/mypy

quick: env  ## The tests that take seconds
	$(PYTEST) $(IN_PARALLEL) -m "not slow and not full"

format: env  ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hooks: env  ## The same checks before each commit, by pre-commit
	@$(BIN)/pre-commit install

lock:  ## requirements.lock from pyproject.toml, and those of the compose stack and ministack
	$(COMPILE) --all-extras --group dev pyproject.toml -o requirements.lock
	$(COMPILE) --all-extras pyproject.toml requirements-compose.in -o requirements-compose.lock
	$(COMPILE) requirements-ministack.in -o requirements-ministack.lock

docs: env  ## docs/settings.md, docs/layouts.md, gateway/clock.csv, s3-users.json from their sources
	@$(BIN)/python -m scripts.settings_page
	@$(BIN)/python -m scripts.layouts_page
	@$(BIN)/python -m scripts.clock_page
	@$(BIN)/python -m scripts.s3_users

secrets:  ## A .env with fresh secrets for docker compose
	@$(PYTHON) scripts/compose_env.py

clean:  ## Remove caches; .venv and .local stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
