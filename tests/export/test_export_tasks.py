"""Each task in each format and precision, where the package is absent."""

import json
import shutil

import numpy as np
import pytest
from golden_alone import texts
from models import model_of
from serving_stand_in import given, stand_in
from table import TASKS
from test_export import alone

from tfbert.export.folder import export

# What LiteRT and tensorflow-text's kernels can run. The export finds it out by trying; this is what was found.
STRINGS = {
    "classification": {"serving_default"},
    "pairs": {"serving_default"},
    "several_labels": {"serving_default"},
    "regression": {"serving_default"},
    "long_texts": {"serving_default"},
    "sentence_embedding": {"serving_default", "similarity"},
    "question_answering": {"serving_default"},
}
FILES = ("model.onnx", "model_int8.onnx", "model.tflite", "model_float16.tflite", "model_int8.tflite")


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_all_formats_answer_alone(task, tiny_checkpoint, tmp_path):
    variants = export(model_of(task, tiny_checkpoint), tmp_path / "first")
    shutil.move(tmp_path / "first", tmp_path / "mine")
    cases = json.loads((tmp_path / "mine/golden.json").read_text())["cases"]
    assert sorted(alone(tmp_path / "mine")) == sorted(f"{file} {name}" for file in FILES for name in cases)
    strings = [f"{file} {name} strings" for file in FILES[2:] for name in STRINGS.get(task, ())]
    assert sorted(alone(tmp_path / "mine", "--strings")) == sorted(strings)
    notes = [note for variant in variants for note in variant.notes]
    told = {name for name in cases for note in notes if f"signature {name} takes ids alone" in note}
    assert told == set(cases) - STRINGS.get(task, set())
    card = (tmp_path / "mine/README.md").read_text()
    assert all(note in card for note in notes)
    assert ("`transitions` float32 [C, C]" in card) == (task == "trained_transitions")

    with stand_in({"mine": tmp_path / "mine/1"}, tmp_path) as server:
        for name, case in cases.items():
            answers = server.predict("mine", name, given(case))
            assert answers.keys() == case["answers"].keys()
            for key, wanted in case["answers"].items():
                if key in case["allowed"]["float32"]:
                    np.testing.assert_allclose(answers[key], wanted, atol=1e-4, err_msg=key)
                else:
                    assert texts(answers[key]) == wanted, key
