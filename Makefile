# The four commands: make setup, make run, make check, make test.
# uv is used where it is installed, python -m venv with pip where it is not; both install the locked versions.
PYTHON ?= python3
TEXT ?= I miss you
# Two processes, a file each at a time, as compiled models are shared within a file.
PYTEST_ARGS ?= -n 2 --dist loadfile
BIN := .venv/bin
EXTRAS := $(addprefix --extra ,cpu mcp ocr safety video train dev)
UV := $(shell command -v uv 2>/dev/null)
export TEXT

.PHONY: help setup run check test lock clean

help:
	@echo 'make run               install what serving needs, then: repartee react "I miss you"'
	@echo 'make run TEXT="..."    the same for your own message'
	@echo 'make setup             install everything, training and development included'
	@echo 'make check             ruff and mypy --strict'
	@echo 'make test              the test suite'
	@echo 'make lock              renew uv.lock and the pip locks (needs uv)'

setup: .make/dev

run: .make/run
	@$(BIN)/repartee react "$$TEXT"

check: .make/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: .make/dev
	$(BIN)/pytest $(PYTEST_ARGS)

lock:
	uv lock
	uv export --quiet --frozen --no-hashes --no-emit-project --extra cpu -o requirements/run.lock
	uv export --quiet --frozen --no-hashes --no-emit-project $(EXTRAS) -o requirements/dev.lock

clean:
	rm -rf .venv .make .mypy_cache .ruff_cache .pytest_cache

.make/run: pyproject.toml uv.lock requirements/run.lock
	@mkdir -p .make
ifdef UV
	uv sync --frozen --inexact --extra cpu
else
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv  # one made by uv has no pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	@touch $@

.make/dev: pyproject.toml uv.lock requirements/dev.lock
	@mkdir -p .make
ifdef UV
	uv sync --frozen --inexact $(EXTRAS)
else
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv  # one made by uv has no pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	@touch .make/run $@
