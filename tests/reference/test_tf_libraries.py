"""The same numbers as Model Garden and as the TensorFlow classes of `transformers` 4, both ways."""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import tfbert
from tfbert import BertEncoder
from tfbert.checkpoints import load_encoder, open_checkpoint
from tfbert.checkpoints.convert import convert

pytestmark = pytest.mark.reference
SCRIPT = pathlib.Path(__file__).with_name("tf_reference.py")
POSITIONS = np.array([[3], [0], [0], [4]], "int32")


@pytest.fixture
def tf_reference(tmp_path):
    python = os.environ.get("TFBERT_TF_REFERENCE_PYTHON")
    if not python:
        pytest.skip("needs TFBERT_TF_REFERENCE_PYTHON, a Python with tf-models-official; `make test-reference-tf`")

    def run(command, kind, folder, **arrays):
        np.savez(tmp_path / "in.npz", **arrays)
        call = [python, SCRIPT, command, kind, folder, tmp_path / "in.npz", tmp_path / "out.npz"]
        result = subprocess.run([str(part) for part in call], capture_output=True, text=True, timeout=900)
        assert result.returncode == 0, result.stderr[-3000:]
        return dict(np.load(tmp_path / "out.npz"))

    return run


def outputs(kind, folder, features):
    """What tfbert computes from a folder, under the library's names."""
    if kind.startswith("encoder"):
        source = open_checkpoint(folder)
        encoder = BertEncoder(source.config)
        encoder.build()
        assert load_encoder(encoder, source).missing == ()
        return encoder(features)
    if kind == "pretrainer":
        network = tfbert.Pretrainer.from_checkpoint(folder).network({**features, "masked_positions": POSITIONS})
        return {"mlm_logits": network["token_logits"], "next_sentence": network["pair_logits"]}
    if kind == "classifier":
        return {"logits": tfbert.TextClassifier.from_checkpoint(folder)(features)}
    if kind == "token_classifier":
        model = tfbert.TokenClassifier.from_checkpoint(folder, labels=["a"], tags=["O", "B-a", "I-a"])
        return {"logits": model(features)}
    logits = np.asarray(tfbert.QuestionAnswerer.from_checkpoint(folder)(features))
    return {"start": logits[..., 0], "end": logits[..., 1]}


def same(ours, theirs, padding_mask):
    assert set(theirs) & set(ours)
    for name in set(theirs) & set(ours):
        left, right = np.asarray(ours[name]), theirs[name]
        if left.shape[:2] == padding_mask.shape:
            left, right = left[padding_mask.astype(bool)], right[padding_mask.astype(bool)]
        np.testing.assert_allclose(left, right, atol=1e-5, err_msg=name)


GARDEN = ["encoder", "encoder_v2", "pretrainer", "classifier", "token_classifier", "span_labeler"]
HEADS = {
    "pretrainer": ("predictions", "seq_relationship"),
    "classifier": ("classifier",),
    "token_classifier": ("classifier",),
    "span_labeler": ("qa_outputs",),
}


@pytest.mark.parametrize("kind", GARDEN)
def test_model_garden(kind, network, features, tmp_path, tf_reference, tiny_checkpoint):
    values = {"architectures": ["BertForTokenClassification"]} if kind == "token_classifier" else {}
    convert(network(HEADS.get(kind, ()), values), "model_garden", tmp_path / "ours")
    inputs = {**features, "masked_positions": POSITIONS}
    theirs = tf_reference("garden_open", kind, tmp_path / "ours", **inputs)
    same(outputs(kind, tmp_path / "ours", features), theirs, features["padding_mask"])
    (tmp_path / "theirs").mkdir()
    for name in ("bert_config.json", "vocab.txt"):
        shutil.copy(tmp_path / "ours" / name, tmp_path / "theirs")
    theirs = tf_reference("garden_write", kind, tmp_path / "theirs", **inputs)
    same(outputs(kind, tmp_path / "theirs", features), theirs, features["padding_mask"])


@pytest.mark.parametrize("kind", ["encoder", "pretrainer"])
def test_model_gardens_own_converter(kind, data_dir, tmp_path, tf_reference):
    """What it makes of keras-bert's TF1 checkpoint has the same weights."""
    folder = shutil.copytree(data_dir("checkpoints/keras_bert_tf1_tiny"), tmp_path / "tf1")
    os.chmod(folder, 0o755)
    tf_reference("garden_convert", kind, folder)
    shutil.copy(folder / "bert_config.json", folder / "converted")
    source, converted = open_checkpoint(folder), open_checkpoint(folder / "converted")
    assert "Model Garden" in str(converted)
    assert {"embeddings/token/embeddings", "pooler/kernel", "block_1/output_norm/beta"} <= set(converted.shapes)
    assert ("predictions/output_bias" in converted.shapes) == (kind == "pretrainer")
    for variable in converted.shapes:
        np.testing.assert_array_equal(converted.value(variable), source.value(variable), err_msg=variable)


CLASSES = [
    *("BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForSequenceClassification"),
    *("BertForTokenClassification", "BertForQuestionAnswering"),
    *("DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification"),
]


@pytest.mark.parametrize("kind", CLASSES)
def test_tf_model_h5(kind, features, tmp_path, tf_reference, tiny_checkpoint):
    vocab_size = len((tiny_checkpoint / "vocab.txt").read_text().splitlines())
    shutil.copy(tiny_checkpoint / "vocab.txt", tmp_path)
    theirs = tf_reference("transformers_write", kind, tmp_path, **features, vocab_size=vocab_size)
    source = open_checkpoint(tmp_path)
    if kind.endswith("Model"):
        encoder = BertEncoder(source.config)
        encoder.build()
        load_encoder(encoder, source)
        ours = encoder(features)
        theirs["sequence_output"] = theirs.pop("last_hidden_state")
        if "pooler_output" in theirs:
            theirs["pooled_output"] = theirs.pop("pooler_output")
    elif kind.endswith(("MaskedLM", "PreTraining")):
        every = np.tile(np.arange(12, dtype="int32"), (4, 1))
        found = tfbert.Pretrainer.from_checkpoint(tmp_path).network({**features, "masked_positions": every})
        ours = {"logits": found["token_logits"], "prediction_logits": found["token_logits"]}
        ours["seq_relationship_logits"] = found.get("pair_logits")
    elif kind.endswith("QuestionAnswering"):
        logits = np.asarray(tfbert.QuestionAnswerer.from_checkpoint(tmp_path)(features))
        ours = {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
    elif kind.endswith("TokenClassification"):
        model = tfbert.TokenClassifier.from_checkpoint(tmp_path, labels=["a"], tags=["O", "B-a", "I-a"])
        ours = {"logits": model(features)}
    else:
        ours = {"logits": tfbert.TextClassifier.from_checkpoint(tmp_path)(features)}
    same(ours, theirs, features["padding_mask"])
