"""A pretraining run: an interrupted one equals an uninterrupted one, a blow-up loses nothing, the report draws."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from examples import write_examples

import tfbert
from tfbert import Pretrainer, Tokenizer
from tfbert.data.pretraining.batches import PretrainingBatches
from tfbert.data.pretraining.masking import Masking
from tfbert.data.pretraining.shards import Shards, open_shards
from tfbert.errors import ConfigError, DataError, TrainingError, VocabularyError
from tfbert.runs.configs.pretrain import PretrainConfig, pretrain_config
from tfbert.runs.pretrain import pretrain
from tfbert.runs.pretrain_inputs import model_and_batches
from tfbert.tasks.fill_mask.task import FillMask
from tfbert.text import Vocabulary

SETTINGS = {
    "data": "my/examples",
    "steps": 22,
    "batch_size": 8,
    "evaluate_every": 8,
    "save_every": 3,
    "log_every": 2,
    "learning_rate": 1e-3,
}


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    return Tokenizer.from_folder(tiny_checkpoint)


@pytest.fixture(scope="module")
def data(tokenizer, shop, tmp_path_factory):
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:200]
    shards = open_shards(write_examples(tmp_path_factory.mktemp("examples"), tokenizer, texts))
    masking = Masking.of_tokenizer(tokenizer, max_predictions=5)
    cut = (Shards(shards.folder, shards.manifest, part) for part in (shards.shards[:2], shards.shards[2:]))
    return tuple(PretrainingBatches(part, masking, batch_size=8) for part in cut)


class Faulty(Pretrainer):
    """Its loss is NaN in batches that hold a row of the `bad_step`'s, as one bad text would make it."""

    bad = None

    def train_step(self, data):
        import tensorflow as tf

        if self.bad is not None:
            is_bad = tf.reduce_all(data["token_ids"] == self.bad)
            data = {**data, "masked_weights": data["masked_weights"] * tf.where(is_bad, float("nan"), 1.0)}
        return super().train_step(data)


def run(folder, data, tokenizer, tiny_config, model_class=Pretrainer, bad=None, interrupted_at=None, **settings):
    keras.utils.set_random_seed(0)
    dtype = settings.get("dtype")
    model = model_class(FillMask(tokenizer, max_length=32), tiny_config, dtype=dtype)
    if bad is not None:
        model.bad = bad
    config = PretrainConfig(out=str(folder), **{**SETTINGS, **settings})
    if interrupted_at is not None:
        from tfbert.runs.callbacks.save_model import SaveModel

        original = SaveModel.on_train_batch_end
        counted = []

        def stop(self, batch, logs=None):
            counted.append(batch)
            if len(counted) == interrupted_at:
                raise KeyboardInterrupt  # as a killed process: nothing is saved on the way out

        SaveModel.on_train_batch_end = stop
        try:
            with pytest.raises(KeyboardInterrupt):
                pretrain(model, *data, config)
        finally:
            SaveModel.on_train_batch_end = original
        return None
    metrics = pretrain(model, *data, config)
    return metrics, [variable.numpy() for variable in model.variables]


def lines(folder, skip=("tokens_per_second",)):
    text = (folder / "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in skip} for line in text]


def test_resumed_run_equals_an_uninterrupted_one(tmp_path, data, tokenizer, tiny_config):
    arguments = (data, tokenizer, tiny_config)
    metrics, weights = run(tmp_path / "whole", *arguments)
    run(tmp_path / "parts", *arguments, interrupted_at=11)  # behind an evaluation, two steps after a checkpoint
    again, resumed = run(tmp_path / "parts", *arguments)
    assert again == metrics
    for one, other in zip(weights, resumed, strict=True):
        np.testing.assert_array_equal(one, other)
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")
    logged = lines(tmp_path / "whole")
    assert [line["step"] for line in logged if "val_loss" in line] == [8, 16, 22]
    assert {"mlm_accuracy", "mlm_perplexity", "nsp_accuracy", "gradient_norm", "learning_rate"} <= logged[0].keys()
    page = (tmp_path / "whole/report.html").read_text()
    assert "Filled-in masks" in page
    assert page.count("<svg") >= 5
    filled = [json.loads(line) for line in (tmp_path / "whole/filled_masks.jsonl").read_text().splitlines()]
    assert [line["step"] for line in filled] == [8, 16, 22]
    with pytest.raises(ConfigError, match="learning_rate was 0.001, now 0.002"):
        run(tmp_path / "whole", *arguments, learning_rate=2e-3)
    train, dev = data
    shard = dataclasses.replace(train.shards.shards[0], sha256="0" * 64)  # of the same name and size
    others = Shards(train.shards.folder, train.shards.manifest, [shard, *train.shards.shards[1:]])
    others = PretrainingBatches(others, train.masking, batch_size=8), dev
    with pytest.raises(ConfigError, match=r"began with other data: my/examples has changed\. Put them back"):
        run(tmp_path / "whole", others, tokenizer, tiny_config)
    assert run(tmp_path / "whole", others, tokenizer, tiny_config, allow_changed_data=True)[0] == metrics
    assert json.loads((tmp_path / "whole/data.json").read_text())["changes"][0]["after_step"] == 22


def test_a_blow_up_stops_at_the_last_good_checkpoint(tmp_path, data, tokenizer, tiny_config):
    bad = next(iter(data[0].repeated(10)))["token_ids"]
    arguments = (data, tokenizer, tiny_config, Faulty, bad)
    # Logged seldom, the fault is found before the next checkpoint; logged each step, at once.
    with pytest.raises(TrainingError, match="step 12: the loss is nan; the checkpoint of step 9 .* is the last good"):
        run(tmp_path / "stops", *arguments, log_every=20)
    metrics, weights = run(tmp_path / "skips", *arguments, log_every=1, after_blow_up="skip")
    assert np.isfinite(metrics["loss"])
    assert all(np.isfinite(value).all() for value in weights)
    assert [line["step"] for line in lines(tmp_path / "skips") if "loss" in line] == list(range(1, 23))


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "lamb", "accumulation": 2, "dtype": "mixed_float16"},
        {"jit_compile": True},
        {"dtype": "mixed_bfloat16"},
    ],
)
def test_other_ways_to_train(settings, tmp_path, data, tokenizer, tiny_config):
    metrics, _ = run(tmp_path / "run", data, tokenizer, tiny_config, **{**settings, "steps": 8})
    assert np.isfinite(metrics["mlm_loss"])


def test_a_damaged_shard_is_named(tmp_path, tokenizer, shop, tiny_config):
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:100]
    folder = write_examples(tmp_path / "examples", tokenizer, texts)
    path = folder / "00001.tfrecord.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 30] = b"x" * 30  # of the same size: found while reading
    path.write_bytes(bytes(content))
    train = PretrainingBatches(open_shards(folder), Masking.of_tokenizer(tokenizer, max_predictions=5), batch_size=8)
    with pytest.raises(DataError, match="00001.tfrecord.gz does not have the sha256"):
        run(tmp_path / "run", (train, None), tokenizer, tiny_config)


def test_what_a_run_begins_with(tmp_path, tokenizer, tiny_checkpoint, shop):
    """Weights of a size by name or of a checkpoint; held-out shards; what does not fit is refused."""
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:100]
    folder = write_examples(tmp_path / "examples", tokenizer, texts, objective="none")
    config = PretrainConfig(data=str(folder), size="tiny", encoder={"max_position_embeddings": 32}, batch_size=8)
    model, train, dev = model_and_batches(config)
    assert model.encoder.config.num_hidden_layers == 2
    assert not model.task.next_sentence
    assert (len(train), len(dev)) == (48, 24)
    again, _, nothing = model_and_batches(
        PretrainConfig(data=f"{folder}/*", init_from=str(tiny_checkpoint), dev_shards=0, mask="whole_word")
    )
    assert again.encoder.config.hidden_size == 32
    assert again.load_report.missing
    assert nothing is None
    with pytest.raises(ConfigError, match="3 shards, and dev_shards=3"):
        model_and_batches(PretrainConfig(data=str(folder), dev_shards=3))
    with pytest.raises(ConfigError, match="rows of 32 tokens, the encoder reads 16"):
        model_and_batches(PretrainConfig(data=str(folder), size="tiny", encoder={"max_position_embeddings": 16}))
    pairs = write_examples(tmp_path / "pairs", tokenizer, texts, objective="sop")
    with pytest.raises(ConfigError, match="pairs of two segments, and the encoder's type_vocab_size is 1; give"):
        model_and_batches(PretrainConfig(data=str(pairs), size="tiny", encoder={"type_vocab_size": 1}))
    other = Tokenizer(Vocabulary([*tokenizer.vocabulary][::-1]))
    other_folder = write_examples(tmp_path / "other", other, texts)
    with pytest.raises(VocabularyError, match="another vocabulary"):
        model_and_batches(PretrainConfig(data=str(other_folder), init_from=str(tiny_checkpoint)))


def test_settings_are_checked():
    config = pretrain_config(encoder={"hidden_act": "gelu_new"})
    assert config.encoder.max_position_embeddings == 512
    assert PretrainConfig.from_dict(config.to_dict()).encoder["hidden_act"] == "gelu_new"
    for settings in ({"optimizer": "sgd"}, {"blow_up": 1.0}, {"mask_rate": 1.0}, {"after_blow_up": "go"}, {"steps": 0}):
        with pytest.raises(ConfigError, match=next(iter(settings))):
            PretrainConfig(**settings)
