# Everything needs only Python >= 3.11, git and make; each target sets up what it uses in .venv.
#
#   make demo     lay out the demo project and open the app on it
#   make test     the test suite (two processes)
#   make install  only the set-up; leaves .venv/bin/finetui
#   make check    format, lint, types, import walls, generated docs: what CI looks at first
#   make proofs   which tests prove which option: build/proofs.json
#   make bench    measurements, with the bars that they must meet (wants a quiet machine)
#   make soak     the tests that take very long
#   make shots    the pictures of README and docs
#   make docs     the generated pages of docs/

SHELL := /bin/sh
BIN := .venv/bin
PYTHON ?=
TESTS ?= tests
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
# Whole files go to one process, so that what a file prepares is prepared once.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test install dev check proofs bench soak shots docs clean
.DEFAULT_GOAL := demo

install:
	@sh .ci/install engine 8bit optimizers

dev:
	@sh .ci/install engine 8bit optimizers wandb tensorboard dev

demo: install
	@$(BIN)/finetui demo

test: dev
	@$(PYTEST) -q $(PARALLEL) $(TESTS)

# One line a step; a step that fails prints what it found and ends the target.
check: dev
	@printf 'format   '; $(BIN)/ruff format --check --quiet . && echo ok
	@printf 'lint     '; $(BIN)/ruff check --quiet . && echo ok
	@printf 'types    '; $(BIN)/mypy --no-error-summary && echo ok
	@printf 'imports  '; out=$$($(BIN)/lint-imports 2>&1) && echo ok || { echo; echo "$$out"; exit 1; }
	@printf 'docs     '; $(BIN)/python docs/generate.py --check && echo ok

proofs: dev
	@$(PYTEST) -q $(PARALLEL) -m proves --proofs build/proofs.json $(TESTS)

bench: dev
	@$(PYTEST) -q -s --bench -m bench tests/bench
	@$(BIN)/python -m tests.bench.bench_recording
	@$(BIN)/python -m tests.bench.bench_dashboard_bytes

soak: dev
	@$(PYTEST) -q --soak -m soak $(TESTS)

shots: dev
	@$(BIN)/python docs/shots.py

docs: dev
	@$(BIN)/python docs/generate.py

clean:
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
