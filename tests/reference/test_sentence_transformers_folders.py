"""Folders that sentence-transformers writes: the same embeddings and scores, to 1e-5, also of the folder saved again."""

import json

import numpy as np
import pytest

from tfbert import SentenceEncoder, TextClassifier

pytestmark = pytest.mark.reference

TEXTS = ["the red lamp!", "A Café, the Lamp", "film", "", "ΣΑΣ Σ lamps", "the red lamp. " * 20]
BASE = {"dense": True, "pooling": {"pooling_mode": "mean"}}
PROMPTS = {"prompts": {"query": "query: the ", "passage": "passage: "}, "default_prompt_name": "query"}


@pytest.fixture
def same(torch_process, tmp_path):
    """same(settings) -> the model of a folder that sentence-transformers wrote, whose embeddings are the same."""

    def check(settings, **encode):
        texts = np.array([text.encode() for text in TEXTS], object)
        np.savez(tmp_path / "in.npz", texts=texts, settings=json.dumps({**settings, "encode": encode}))
        folder = tmp_path / "folder"
        failed = torch_process("sentence_transformer", folder, tmp_path / "in.npz", tmp_path / "out.npz")
        if failed and "No module named 'sentence_transformers" in failed:
            pytest.skip("the reference environment has no sentence-transformers")
        assert not failed, failed
        theirs = np.load(tmp_path / "out.npz")
        model = SentenceEncoder.from_checkpoint(folder)
        assert model.load_report.missing == ()
        assert model.task.max_length == theirs["longest"]
        np.testing.assert_allclose(model.encode(TEXTS, **encode), theirs["embedding"], atol=1e-5)
        model.save(tmp_path / "saved")
        again = SentenceEncoder.from_checkpoint(tmp_path / "saved")
        np.testing.assert_allclose(again.encode(TEXTS, **encode), theirs["embedding"], atol=1e-5)
        return model

    return check


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("mode", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_every_pooling(same, mode, dense):
    assert same({"pooling": {"pooling_mode": mode}, "dense": dense}).task.pooling == mode


@pytest.mark.parametrize("mode", ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"])
def test_a_prompt_that_is_not_pooled(same, mode):
    model = same({"pooling": {"pooling_mode": mode, "include_prompt": False}, "prompts": PROMPTS})
    assert model.task.skipped_tokens == 4  # [CLS] query : the


@pytest.mark.parametrize("encode", [{}, {"prompt_name": "passage"}, {"prompt": "a "}, {"prompt": ""}])
def test_prompts(same, encode):
    assert same({**BASE, "prompts": PROMPTS}, **encode).task.prompts == {"document": "", **PROMPTS["prompts"]}


@pytest.mark.parametrize("tokenizer", [{}, {"do_lower_case": False}, {"do_lower_case": False, "strip_accents": True}])
def test_do_lower_case(same, tokenizer):
    model = same({**BASE, "tokenizer": tokenizer, "files": {"sentence_bert_config.json": {"do_lower_case": True}}})
    assert model.task.tokenizer.lower_case


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("mode", ["cls", "mean"])
@pytest.mark.parametrize("family", ["roberta", "mpnet", "modernbert"])
def test_other_families(same, family, mode, dense, torch_reference, tmp_path):
    """Also that sentence-transformers opens the folder saved again, and gives the same vectors."""
    model = same({"family": family, "pooling": {"pooling_mode": mode}, "dense": dense, "normalize": True})
    assert model.encoder.config.model_type == family
    assert (model.task.pooling, model.task.normalize) == (mode, True)
    if family == "modernbert":  # transformers opens its tokenizers with a tokenizer.json alone
        return
    texts = np.array([text.encode() for text in TEXTS], object)
    theirs = torch_reference("encode", tmp_path / "saved", texts=texts)
    assert theirs["longest"] == model.task.max_length
    np.testing.assert_allclose(model.encode(TEXTS), theirs["embedding"], atol=1e-5)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"tokenizer_config.json": {"model_max_length": 17}},
        {"tokenizer_config.json": {"model_max_length": 10**30}},
        {"sentence_bert_config.json": {"max_seq_length": 9}},
    ],
)
def test_the_longest_text(same, files):
    same({**BASE, "files": files})


@pytest.mark.parametrize(
    ("settings", "problem", "activation"),
    [
        ({"num_labels": 1}, "regression", "sigmoid"),
        ({"num_labels": 1, "activation": "Identity"}, "regression", "linear"),
        ({"num_labels": 3}, "single_label", "linear"),
        ({"num_labels": 3, "activation": "Sigmoid"}, "multi_label", "linear"),
    ],
)
def test_a_cross_encoder(torch_process, tmp_path, settings, problem, activation):
    pairs = list(zip(TEXTS, TEXTS[::-1], strict=True))
    encoded = np.array([[text.encode() for text in pair] for pair in pairs], object)
    np.savez(tmp_path / "in.npz", pairs=encoded, settings=json.dumps(settings))
    failed = torch_process("cross_encoder", tmp_path / "folder", tmp_path / "in.npz", tmp_path / "out.npz")
    if failed and "No module named 'sentence_transformers" in failed:
        pytest.skip("the reference environment has no sentence-transformers")
    assert not failed, failed
    theirs = np.load(tmp_path / "out.npz")
    model = TextClassifier.from_checkpoint(tmp_path / "folder")
    task = model.task
    assert (task.problem, task.activation, task.pairs, task.max_length) == (
        problem,
        activation,
        True,
        theirs["longest"],
    )
    for read in (model, saved_again(model, tmp_path / "saved")):
        answers = read.predict({"text": TEXTS, "text_pair": TEXTS[::-1]}, verbose=0)
        if problem == "regression":
            found = [answer["score"] for answer in answers]
        else:
            found = [list(answer["probabilities"].values()) for answer in answers]
        wanted = theirs["score"]
        if problem == "single_label":
            wanted = np.exp(wanted) / np.exp(wanted).sum(1, keepdims=True)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def saved_again(model, folder):
    model.save(folder)
    return TextClassifier.from_checkpoint(folder)
