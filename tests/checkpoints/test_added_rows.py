"""The rows of tokens that are added to a checkpoint's vocabulary."""

import keras
import numpy as np

import tfbert
from tfbert.checkpoints import open_checkpoint
from tfbert.checkpoints.added_rows import with_added_rows


def test_new_rows_are_near_the_mean_and_differ():
    table = np.random.default_rng(1).normal(0.5, 0.1, (400, 64)).astype(np.float32)
    grown = with_added_rows(table, 404, 0.02)
    assert grown.dtype == np.float32 and grown.shape == (404, 64)
    np.testing.assert_array_equal(grown[:400], table)
    away = grown[400:] - table.mean(0)
    assert 0.015 < away.std() < 0.025 and len(np.unique(away[:, 0])) == 4
    np.testing.assert_array_equal(grown, with_added_rows(table, 404, 0.02))


def test_every_table_of_tokens_grows(network):
    """Also of the head of a masked language model."""
    source = network(("predictions",), tie_word_embeddings=False)
    before = {name: source.value(name) for name in source.shapes}
    size = source.config.vocab_size
    source.add_rows(size + 3)
    grown = {"embeddings/token/embeddings", "predictions/output_bias", "predictions/decoder/embeddings"}
    for name, value in before.items():
        assert source.shapes[name] == source.value(name).shape
        assert (len(source.value(name)) == len(value) + 3) == (name in grown)
        np.testing.assert_array_equal(source.value(name)[: len(value)], value)


def test_a_masked_language_model_with_added_tokens(tiny_checkpoint, tmp_path):
    keras.utils.set_random_seed(0)
    size = open_checkpoint(tiny_checkpoint).config.vocab_size
    plain = tfbert.Pretrainer.from_checkpoint(tiny_checkpoint, max_length=16)
    model = tfbert.Pretrainer.from_checkpoint(tiny_checkpoint, max_length=16, added_tokens=["<url>"])
    assert model.encoder.config.vocab_size == size + 1
    texts = {"text": ["see <url> [MASK]"]}
    assert model.task.tokenizer(texts["text"])["token_ids"].numpy()[0].tolist().count(size) == 1
    assert plain.task.tokenizer(texts["text"]).get("token_ids").shape[1] > 5
    model.save(tmp_path / "saved")
    again = tfbert.load(tmp_path / "saved")
    assert again.encoder.config == model.encoder.config and again.predict(texts) == model.predict(texts)
