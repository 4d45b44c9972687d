"""ReplacedTokenDetector: exact losses, what is sampled, tied embeddings, folders of both networks. B rows, S tokens."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import write_examples

import tfbert
from tfbert import ReplacedTokenDetector, Tokenizer
from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.data.pretraining.masking import Masking
from tfbert.data.pretraining.shards import open_shards
from tfbert.errors import CheckpointError, ConfigError, DataError, VocabularyError
from tfbert.tasks.replaced_tokens.replacing import put, sampled
from tfbert.tasks.replaced_tokens.task import ReplacedTokens
from tfbert.text import Vocabulary

NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    return Tokenizer.from_folder(tiny_checkpoint)


@pytest.fixture(scope="module")
def batches(tokenizer, shop, tmp_path_factory):
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:200]
    folder = write_examples(tmp_path_factory.mktemp("examples"), tokenizer, texts)
    masking = Masking.of_tokenizer(tokenizer, max_predictions=5, share_mask=0.85, share_kept=0.15)
    return PretrainingBatches(open_shards(folder), masking, batch_size=8)


def model_of(tokenizer, *, model_type="electra", embedding_size=16, **settings):
    keras.utils.set_random_seed(0)
    sizes = {
        "num_hidden_layers": 1,
        "hidden_size": 32,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 32,
    }
    encoder = {"model_type": model_type, **sizes, **NO_DROPOUT}
    if model_type == "electra":
        encoder["embedding_size"] = embedding_size
    return ReplacedTokenDetector.of_size("tiny", tokenizer, encoder=encoder, **settings)


def test_tokens_are_drawn_from_the_softmax():
    logits = np.random.default_rng(0).normal(size=(1, 1, 7)).astype("f4")
    draws = (np.arange(10_000, dtype="f4") + 0.5) / 10_000
    found = sampled(np.broadcast_to(logits, (1, 10_000, 7)), draws[None]).numpy()[0]
    np.testing.assert_allclose(np.bincount(found, minlength=7) / 10_000, tf.nn.softmax(logits)[0, 0], atol=2e-4)
    # The last number below 1 of all, and a token that cannot be drawn.
    assert sampled(tf.constant([[[0.0, 1.0, -1e9]]]), tf.constant([[np.nextafter(np.float32(1), 0)]])) == 1
    with tf.GradientTape() as tape:
        tape.watch(given := tf.constant(logits))
        ids = sampled(given, tf.constant([[0.5]]))
    assert ids.dtype == tf.int32 and tape.gradient(ids, given) is None
    # Two predictions that only fill up do not write to their place 0.
    ids = put(tf.constant([[5, 6, 7]]), tf.constant([[1, 0, 0]]), tf.constant([[9, 8, 8]]), tf.constant([[1.0, 0, 0]]))
    assert ids.numpy().tolist() == [[5, 9, 7]]


def test_losses_and_gradients(batches, tokenizer):
    """numpy's losses of both networks; a batch in parts is the same step; both networks train the embeddings."""
    batch = next(iter(batches.repeated()))
    weights = batch["masked_weights"].numpy()
    weights[:3, 1:] = 0
    batch = {**batch, "masked_weights": tf.constant(weights)}
    values = []
    for accumulation in (1, 4):
        model = model_of(tokenizer, generator_weight=2.0)
        model.compile(keras.optimizers.SGD(0.05), accumulation=accumulation, run_eagerly=True)
        assert model.generator.encoder.embeddings is model.encoder.embeddings
        assert model.generator.encoder.config.num_attention_heads == 1
        before = [variable.numpy() for variable in model.trainable_variables]
        ids = batch["token_ids"].numpy().copy()
        guesses = model.token_logits(batch)
        mlm = -tf.nn.log_softmax(guesses).numpy()
        mlm = (np.take_along_axis(mlm, batch["masked_ids"].numpy()[..., None], 2)[..., 0] * weights).sum()
        drawn = sampled(guesses, batch["draws"]).numpy()
        is_replaced = np.zeros(ids.shape, bool)
        for row, k in np.argwhere(weights > 0):
            place, truth = batch["masked_positions"].numpy()[row, k], batch["masked_ids"].numpy()[row, k]
            ids[row, place], is_replaced[row, place] = drawn[row, k], drawn[row, k] != truth
        mask = batch["padding_mask"].numpy()
        logits = model({**batch, "token_ids": tf.constant(ids)}).numpy()
        rtd = np.logaddexp(0, np.where(is_replaced, -logits, logits))
        rtd = (rtd * mask).sum() / mask.sum()
        logs = {name: one[0] for name, one in model.fit(tf.data.Dataset.from_tensors(batch), verbose=0).history.items()}
        assert logs["mlm_loss"] == pytest.approx(mlm / weights.sum(), rel=1e-5)
        assert logs["rtd_loss"] == pytest.approx(rtd, rel=1e-5)
        assert logs["loss"] == pytest.approx(2 * mlm / weights.sum() + 50 * rtd, rel=1e-5)
        said = (logits > 0) & (mask > 0)
        assert logs["rtd_accuracy"] == pytest.approx(((said == is_replaced) & (mask > 0)).sum() / mask.sum(), rel=1e-5)
        assert logs["rtd_precision"] == pytest.approx((said & is_replaced).sum() / max(said.sum(), 1), rel=1e-5)
        assert logs["rtd_recall"] == pytest.approx((said & is_replaced).sum() / is_replaced.sum(), rel=1e-5)
        values.append([variable.numpy() for variable in model.trainable_variables])
    for first, one, parts in zip(before, *values, strict=True):
        np.testing.assert_allclose(one, parts, atol=1e-5 * max(1, np.abs(one - first).max()))
    moved = [
        name.path
        for name, one, other in zip(model.trainable_variables, before, values[1], strict=True)
        if (one != other).any()
    ]
    assert {"encoder/embeddings/token/embeddings", "encoder/projection/kernel"} <= set(moved)
    assert sum(path == "encoder/projection/kernel" for path in moved) == 2  # each network has its own


def test_saved_folders(batches, tokenizer, tmp_path):
    """The discriminator for every task, the generator as a masked language model; training continues with both."""
    model = model_of(tokenizer)
    model.compile(tfbert.AdamW(1e-3), run_eagerly=True)
    model.fit(batches, steps_per_epoch=1, verbose=0)
    batch = tf.data.Dataset.from_tensors(next(iter(batches.repeated())))
    model.save(tmp_path / "saved")
    for folder, name in (("saved", "ElectraForPreTraining"), ("saved/generator", "ElectraForMaskedLM")):
        assert json.loads((tmp_path / folder / "config.json").read_text())["architectures"] == [name]
    classifier = tfbert.TextClassifier.from_checkpoint(tmp_path / "saved", labels=["a", "b"])
    assert classifier.load_report.missing and not any("encoder" in name for name in classifier.load_report.missing)
    np.testing.assert_array_equal(
        classifier.encoder.token_embedding.embeddings, model.encoder.token_embedding.embeddings
    )
    guesses = tfbert.load(tmp_path / "saved/generator").predict(["where is my [MASK]"], verbose=0)
    wanted = model.generator.predict(["where is my [MASK]"], verbose=0)
    assert guesses == wanted
    again = ReplacedTokenDetector.from_checkpoint(tmp_path / "saved")
    again.compile(tfbert.AdamW(1e-3), run_eagerly=True)
    assert again.generator.encoder.embeddings is again.encoder.embeddings
    logs = model.evaluate(batch, return_dict=True, verbose=0)
    assert again.evaluate(batch, return_dict=True, verbose=0) == logs
    assert np.isfinite(again.fit(batch, verbose=0).history["loss"][0])
    model.save(tmp_path / "model.keras")
    from_keras = keras.models.load_model(tmp_path / "model.keras")
    assert from_keras.generator.encoder.embeddings is from_keras.encoder.embeddings
    assert from_keras.evaluate(batch, return_dict=True, verbose=0) == logs
    # A generator of other sizes, or of a family or vocabulary of its own.
    other = model_of(tokenizer, embedding_size=8)
    with pytest.raises(CheckpointError, match="embedding_width 16, the discriminator 8"):
        other.load_generator(tmp_path / "saved/generator")
    backwards = Tokenizer(Vocabulary([*tokenizer.vocabulary][::-1]))
    with pytest.raises(VocabularyError, match="another vocabulary than the discriminator"):
        model_of(backwards).load_generator(tmp_path / "saved/generator")
    masks = tfbert.Pretrainer.of_size("tiny", tokenizer, next_sentence=False)
    masks.save(tmp_path / "bert")
    with pytest.raises(CheckpointError, match="is of BERT, and the discriminator is of ELECTRA"):
        other.load_generator(tmp_path / "bert")
    with pytest.raises(CheckpointError, match="lacks predictions/"):
        other.load_generator(tmp_path / "saved")


def test_what_is_refused(batches, tokenizer):
    with pytest.raises(ConfigError, match="BertEncoder has no head that tells replaced tokens; .* are electra: take"):
        model_of(tokenizer, model_type="bert")
    with pytest.raises(ConfigError, match="19 and 2, which do not divide; take another share"):
        model_of(tokenizer, generator_size=0.6).make_generator()
    with pytest.raises(ConfigError, match="generator_size is a share above 0 and at most 1, not 0.0"):
        ReplacedTokens(tokenizer, generator_size=0.0)
    model = model_of(tokenizer)
    model.compile(run_eagerly=True)
    batch = next(iter(batches.repeated()))
    del batch["draws"]
    with pytest.raises(ValueError, match="the batches have no draws"):
        model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
    with pytest.raises(DataError, match="does not say which tokens of its texts were replaced"):
        model.task.examples(tfbert.data.read(__file__, format="txt"), labelled=True)


def test_a_next_sentence_head_where_files_have_the_discriminators(tokenizer):
    with pytest.raises(ConfigError, match="ElectraEncoder with a head for the next sentence would be saved as a disc"):
        tfbert.Pretrainer.of_size("tiny", tokenizer, encoder={"model_type": "electra"}, next_sentence=True)
