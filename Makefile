# Every target sets up what it needs: a virtual environment in the clone, made once and
# renewed when pyproject.toml changes.
PYTHON ?= python3
OLDEST_PYTHON ?= python3.10
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
HEAVY := $(VENV)/.heavy
PEERS := build/peers/.ready
BROWSER := $(VENV)/.browser

.PHONY: demo test check bench bench-http soak contract docs schema test-oldest clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[sklearn,serve,train,yaml,formats]' --group dev
	touch $@

# Frameworks of gigabytes, which only tests need.
$(HEAVY): $(READY)
	$(BIN)/python -m pip install --quiet --group heavy
	touch $@

# Reference implementations that tests compare with, without what they depend on.
$(PEERS): pyproject.toml
	$(PYTHON) -m pip install --quiet --no-deps --upgrade --target build/peers 'sagemaker==2.245.0'
	touch $@

# The system's own Chromium, else the one that comes with playwright.
$(BROWSER): $(READY)
	command -v chromium >/dev/null || { apt-get -qq update && apt-get -qq install chromium; } \
	    || $(BIN)/playwright install chromium
	touch $@

demo: $(READY)
	$(BIN)/python examples/demo.py

test: $(READY) $(HEAVY) $(PEERS) $(BROWSER)
	$(BIN)/python -m pytest

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_architecture.py

bench: $(READY) $(HEAVY)
	$(BIN)/python -m benchmarks.imports
	$(BIN)/python -m benchmarks.stages
	$(BIN)/python -m benchmarks.contract
	$(BIN)/python -m benchmarks.dispatch
	$(BIN)/python -m benchmarks.models
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.codecs

# Ours beside other servers, each in an environment of its own; takes wrk, and most of an hour.
bench-http: $(READY)
	$(BIN)/python -m benchmarks.http

# Minutes of full load; ten of them are what it is judged by.
soak: $(READY)
	$(BIN)/python -m benchmarks.soak --minutes 10
	$(BIN)/python -m benchmarks.soak --minutes 10 --workers 2 --kill

# Every request of the table through every real serving stack, each in an environment of its own.
contract: $(READY)
	$(BIN)/python -m tests.contract

docs: $(READY)
	$(BIN)/sphinx-build -W -q docs build/docs

# The lower bounds of pyproject.toml on the oldest Python that we support; not those of the
# frameworks beside XGBoost and scikit-learn, whose tests are left out, as are those of the
# serving stacks, whose model a later XGBoost wrote.
LEFT_OUT := $(addprefix --ignore=tests/,test_reuse.py contract $(patsubst %,models/test_%.py,\
    artifacts catboost lightgbm looks malice onnx pickle statsmodels))

test-oldest:
	$(OLDEST_PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-oldest/bin/python -m pip install --quiet --constraint tests/oldest.txt \
	    --editable '.[xgboost,sklearn,serve,train,yaml,formats]' --group test ruff
	.venv-oldest/bin/python -m pytest tests -m 'not peer' $(LEFT_OUT)
	.venv-oldest/bin/python -m pytest tests/hosting -m peer

schema: $(READY)
	$(BIN)/python -m scriptmode.handlers.declaration > docs/scriptmode.schema.json

clean:
	rm -rf $(VENV) .venv-oldest build .mypy_cache .pytest_cache .ruff_cache .hypothesis
