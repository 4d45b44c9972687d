"""Pretrainer: exact losses, packed rows, masks filled in, checkpoints of the heads. B rows, S tokens."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from examples import write_examples

import tfbert
from tfbert import Pretrainer, Tokenizer
from tfbert.checkpoints import open_checkpoint
from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.data.pretraining.masking import Masking
from tfbert.data.pretraining.shards import open_shards
from tfbert.errors import DataError, VocabularyError


@pytest.fixture(scope="module")
def texts(shop):
    return tfbert.data.read(shop / "train.tsv").column("text")[:200]


def batches_of(folder, tokenizer, **settings):
    masking = Masking.of_tokenizer(tokenizer, max_predictions=5)
    return PretrainingBatches(open_shards(folder), masking, **{"batch_size": 8, **settings})


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    return Tokenizer.from_folder(tiny_checkpoint)


@pytest.fixture(scope="module")
def examples(tokenizer, texts, tmp_path_factory):
    return write_examples(tmp_path_factory.mktemp("examples"), tokenizer, texts)


def test_batches_are_a_function_of_seed_and_step(examples, tokenizer):
    batches = batches_of(examples, tokenizer, seed=3)
    assert batches.steps_per_epoch == 9
    stream = [batch for _, batch in zip(range(20), batches.repeated(), strict=False)]
    later = next(iter(batches.repeated(13)))
    for name, value in later.items():
        assert value.shape == stream[13][name].shape
        np.testing.assert_array_equal(value, stream[13][name])
    # An epoch holds each row once: what stands there, masked or not.
    rows = []
    for batch in stream[:9]:
        ids = batch["token_ids"].numpy()
        for i in range(len(ids)):
            there = batch["masked_weights"][i].numpy() > 0
            ids[i, batch["masked_positions"][i].numpy()[there]] = batch["masked_ids"][i].numpy()[there]
        rows += [row.tobytes() for row in ids]
    stored = [
        np.pad(row["token_ids"], (0, 32 - len(row["token_ids"]))).tobytes()
        for row in tfbert.data.pretraining.shards.dataset(open_shards(examples).files).as_numpy_iterator()
    ]
    assert sorted(rows) == sorted(stored)
    assert rows != stored


def test_loss_is_the_mean_over_all_predictions(examples, tokenizer, tiny_config):
    """Accumulation in parts with unequally many predictions gives the same step; the loss is numpy's."""
    batch = next(iter(batches_of(examples, tokenizer).repeated()))
    weights = batch["masked_weights"].numpy()
    weights[:3, 1:] = 0
    batch = {**batch, "masked_weights": tf.constant(weights)}
    values = []
    for accumulation in (1, 4):
        keras.utils.set_random_seed(0)
        config = tfbert.BertConfig(
            **{**tiny_config.to_dict(), "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        )
        model = Pretrainer(tfbert.tasks.fill_mask.task.FillMask(tokenizer), config)
        model.compile(keras.optimizers.SGD(0.5), accumulation=accumulation)
        outputs = model(batch)
        token = -tf.nn.log_softmax(outputs["token_logits"]).numpy()
        token = np.take_along_axis(token, batch["masked_ids"].numpy()[..., None], 2)[..., 0]
        pair = -tf.nn.log_softmax(outputs["pair_logits"]).numpy()
        pair = np.take_along_axis(pair, batch["pair_labels"].numpy(), 1)
        expected = (token * weights).sum() / weights.sum() + pair.mean()
        logs = model.fit(tf.data.Dataset.from_tensors(batch), verbose=0).history
        np.testing.assert_allclose(logs["loss"][0], expected, rtol=1e-5)
        values.append([variable.numpy() for variable in model.trainable_variables])
    for one, parts in zip(*values, strict=True):
        np.testing.assert_allclose(one, parts, atol=1e-6)


@pytest.mark.parametrize("objective", ["nsp", "none"])
def test_packed_rows_equal_their_sequences(objective, tokenizer, texts, tiny_config, tmp_path):
    """Losses of every prediction and pair, packed and each sequence in a row of its own."""
    write_examples(tmp_path, tokenizer, texts, shards=1, rows=12, max_length=96, objective=objective, packed=True)
    packed = next(iter(batches_of(tmp_path, tokenizer, batch_size=12).once()))
    packed = {name: value.numpy() for name, value in packed.items()}
    assert packed["sequence_ids"].max() > 1
    single = {name: [] for name in ("token_ids", "segment_ids", "padding_mask", "masked_positions", "at")}
    for row in range(12):
        for number in range(1, packed["sequence_ids"][row].max() + 1):
            here = packed["sequence_ids"][row] == number
            assert (packed["position_ids"][row][here] == np.arange(here.sum())).all()
            begin = here.argmax()
            for name in ("token_ids", "segment_ids", "padding_mask"):
                single[name].append(np.pad(packed[name][row][here], (0, 96 - here.sum())))
            inside = [
                k
                for k, place in enumerate(packed["masked_positions"][row])
                if packed["masked_weights"][row][k] and here[place]
            ]
            single["masked_positions"].append(
                np.pad([packed["masked_positions"][row][k] - begin for k in inside], (0, 5 - len(inside)))
            )
            single["at"].append((row, number - 1, inside))
    places = single.pop("at")
    single = {name: tf.constant(np.array(value, np.int32)) for name, value in single.items()}
    settings = {"next_sentence": objective == "nsp"}
    model = Pretrainer(tfbert.tasks.fill_mask.task.FillMask(tokenizer, **settings), tiny_config)
    together = model({name: tf.constant(value) for name, value in packed.items()})
    apart = model(single)
    for i, (row, number, inside) in enumerate(places):
        np.testing.assert_allclose(
            apart["token_logits"][i, : len(inside)], together["token_logits"].numpy()[row, inside], atol=1e-5
        )
        if objective == "nsp":
            np.testing.assert_allclose(apart["pair_logits"][i], together["pair_logits"][row, number], atol=1e-5)
            assert packed["pair_weights"][row, number] == 1
    assert sum(len(inside) for *_, inside in places) == packed["masked_weights"].sum()


def test_learns_saves_and_fills_in(examples, tokenizer, tiny_config, tmp_path):
    keras.utils.set_random_seed(0)
    model = Pretrainer(tfbert.tasks.fill_mask.task.FillMask(tokenizer, max_length=64, top_k=3), tiny_config)
    batches = batches_of(examples, tokenizer)
    model.compile(tfbert.AdamW(3e-3))
    before = model.evaluate(batches, return_dict=True, verbose=0)
    model.fit(batches, epochs=15, verbose=0)
    after = model.evaluate(batches, return_dict=True, verbose=0)
    assert after["mlm_loss"] < before["mlm_loss"] - 1
    assert after["mlm_perplexity"] == pytest.approx(np.exp(after["mlm_loss"]), rel=1e-5)
    model.save(tmp_path / "saved")
    values = json.loads((tmp_path / "saved/config.json").read_text())
    assert values["architectures"] == ["BertForPreTraining"]
    again = tfbert.load(tmp_path / "saved")
    texts = ["where is my [MASK]", "no mask", "", "[MASK] [MASK] order"]
    answers = again.predict(texts)
    assert [len(answer["masks"]) for answer in answers] == [1, 0, 0, 2]
    assert all(len(guesses) == 3 for answer in answers for guesses in answer["masks"])
    model.export(tmp_path / "served/1")
    served = tf.saved_model.load(str(tmp_path / "served/1")).signatures["serving_default"](text=tf.constant(texts))
    for answer, tokens, scores in zip(answers, served["token"].numpy(), served["score"].numpy(), strict=True):
        for k, guesses in enumerate(answer["masks"]):
            assert [guess["token"].encode() for guess in guesses] == tokens[k].tolist()
            np.testing.assert_allclose([guess["score"] for guess in guesses], scores[k], atol=1e-6)
    with pytest.raises(DataError, match="no labels"):
        again.task.examples(tfbert.data.read(__file__, format="txt"), labelled=True)


def test_heads_of_checkpoints(data_dir, tiny_config, tokenizer, tmp_path):
    """Google's TF1 checkpoint has both heads; without a next-sentence head a model has BertForMaskedLM's."""
    folder = data_dir("checkpoints/keras_bert_tf1_tiny")
    source = tf.train.load_checkpoint(folder / "bert_model.ckpt")
    size = open_checkpoint(folder).config.vocab_size
    vocabulary = [*"[PAD] [UNK] [CLS] [SEP] [MASK]".split(), *(f"w{i}" for i in range(size - 5))]
    for name in folder.iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    model = Pretrainer.from_checkpoint(tmp_path)
    assert not model.load_report.missing
    np.testing.assert_array_equal(
        model.network.predictions.output_bias.numpy(), source.get_tensor("cls/predictions/output_bias")
    )
    np.testing.assert_array_equal(
        model.network.seq_relationship.kernel.numpy(), source.get_tensor("cls/seq_relationship/output_weights").T
    )
    only_masks = Pretrainer(
        tfbert.tasks.fill_mask.task.FillMask(tokenizer, max_length=64, next_sentence=False), tiny_config
    )
    only_masks.save(tmp_path / "masked")
    again = Pretrainer.from_checkpoint(tmp_path / "masked")
    assert not again.load_report.missing
    assert again.task.hugging_face_head == "MaskedLM"


def test_a_vocabulary_without_mask_is_refused(tokenizer):
    from tfbert.text import Vocabulary

    words = [token for token in tokenizer.vocabulary if token != "[MASK]"]
    with pytest.raises(VocabularyError, match=r"\[MASK\]"):
        tfbert.tasks.fill_mask.task.FillMask(Tokenizer(Vocabulary(words)))
