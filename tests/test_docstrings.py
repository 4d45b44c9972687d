"""Every example of a docstring runs, in a folder with the files that examples read and beside the objects they name.

An example that shows no output is run, and what it returns is not compared; "…" stands for any text, as "..." does.
"""

import ast
import doctest
import importlib
import inspect
import io
import pathlib
import re
import shutil
import types

import examples
import keras
import numpy as np
import pytest
import tensorflow as tf
import torch_files

import tfbert

ROOT = pathlib.Path(tfbert.__file__).parent
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


class Checker(doctest.OutputChecker):
    def check_output(self, want, got, flags):
        return not want or super().check_output(want.replace("…", "..."), got, flags)


# What examples may name without making it. A fixture is made where an example has its name.
LIBRARIES = {"np": np, "tf": tf, "keras": keras, "tfbert": tfbert, "pathlib": pathlib}
OBJECTS = ("batches", "encoder", "features", "graph", "model", "table", "task", "tokenizer")
# Files and folders that examples read: their path there, and the fixture that they are copied from.
PATHS = {
    "path/or/hf-id": "tiny_checkpoint",
    "runs/mine": "run",
    "served/mine": "served",
    "examples": "pretraining_examples",
    "pytorch_model.bin": "torch_file",
    "texts.jsonl": "texts_file",
}


@pytest.fixture(scope="session")
def tokenizer(tiny_checkpoint):
    return tfbert.Tokenizer.from_folder(tiny_checkpoint)


@pytest.fixture(scope="session")
def model(tiny_checkpoint):
    keras.utils.set_random_seed(1)
    model = tfbert.TextClassifier.from_checkpoint(tiny_checkpoint, labels=["order_status", "refund"])
    model.compile()
    return model


@pytest.fixture(scope="session")
def encoder(model):
    return model.encoder


@pytest.fixture(scope="session")
def task(model):
    return model.task


@pytest.fixture(scope="session")
def features(tokenizer):
    return tokenizer(["where is my parcel", "refund"], max_length=8)


@pytest.fixture
def table():
    return tfbert.data.Table.from_columns({"text": ["where is my parcel"], "label": ["order_status"]})


@pytest.fixture
def graph():
    from tfbert.export.onnx.graph import GraphWriter

    return GraphWriter()


@pytest.fixture
def batches(pretraining_examples, tokenizer):
    from tfbert.data.pretraining.batches import PretrainingBatches
    from tfbert.data.pretraining.masking import Masking
    from tfbert.data.pretraining.shards import open_shards

    return PretrainingBatches(open_shards(pretraining_examples), Masking.of_tokenizer(tokenizer), batch_size=2)


@pytest.fixture(scope="session")
def run(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "mine"
    model.save(folder / "model")
    return folder


@pytest.fixture(scope="session")
def served(model, tmp_path_factory):
    from tfbert.export.folder import export

    folder = tmp_path_factory.mktemp("served") / "mine"
    export(model, folder, precisions=["float32"])
    return folder


@pytest.fixture(scope="session")
def pretraining_examples(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretraining") / "examples"
    texts = ["where is my parcel", "i want my money back", "cancel my order", "thank you"]
    return examples.write_examples(folder, tokenizer, texts, rows=4) or folder


@pytest.fixture(scope="session")
def torch_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "pytorch_model.bin"
    torch_files.write_zip(path, {"bias": np.zeros(2, np.float32)})
    return path


@pytest.fixture(scope="session")
def texts_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    path.write_text('{"text": "where is my parcel"}\n{"text": "refund"}\n', encoding="utf-8")
    return path


def docstring_tests(module, namespace):
    """The examples of each docstring in a module's source: decorated, private and nested ones too."""
    source = inspect.getsource(module)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text and ">>> " in text:
                name, line = getattr(node, "name", module.__name__), node.body[0].lineno - 1
                yield doctest.DocTestParser().get_doctest(text, namespace, name, module.__file__, line)


def failures(module, request, folder):
    """What went wrong with a module's examples, as text; "" where all is well."""
    source, objects = inspect.getsource(module), {}
    for path, fixture in PATHS.items():
        if f'"{path}' in source:
            made, place = pathlib.Path(request.getfixturevalue(fixture)), folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if made.is_dir() else shutil.copyfile)(made, place)
    for name in OBJECTS:
        if re.search(rf"(>>>|\.\.\.) .*\b{name}\b", source):
            objects[name] = request.getfixturevalue(name)
    imported = {name: value for name, value in vars(module).items() if isinstance(value, types.ModuleType)}
    own = {name: value for name, value in vars(module).items() if name not in imported}
    runner, told = doctest.DocTestRunner(Checker(), verbose=False, optionflags=FLAGS), io.StringIO()
    keras.utils.set_random_seed(1)
    try:
        for test in docstring_tests(module, {**imported, **LIBRARIES, **objects, **own}):
            runner.run(test, out=told.write)
    except ValueError as error:  # of the parser
        return f"{module.__name__}: {error}"
    return told.getvalue()


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, request, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    found = failures(module, request, tmp_path)
    assert not found, found
