"""A run of replaced-token detection by its configuration: an interrupted one equals an uninterrupted one."""

import json

import numpy as np
import pytest
from examples import write_examples

import tfbert
from tfbert.errors import ConfigError
from tfbert.runs.callbacks.save_model import SaveModel
from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.runs.pretrain import pretrain
from tfbert.runs.pretrain_inputs import model_and_batches

ENCODER = {
    **{
        "model_type": "electra",
        "num_hidden_layers": 1,
        "hidden_size": 32,
        "embedding_size": 16,
        "num_attention_heads": 4,
    },
    **{"intermediate_size": 64, "max_position_embeddings": 32},
}


@pytest.fixture(scope="module")
def examples(tiny_checkpoint, shop, tmp_path_factory):
    texts = tfbert.data.read(shop / "train.tsv").column("text")[:200]
    tokenizer = tfbert.Tokenizer.from_folder(tiny_checkpoint)
    return write_examples(tmp_path_factory.mktemp("examples"), tokenizer, texts, objective="none")


def run(folder, examples, **settings):
    config = PretrainConfig(
        **{
            **{"data": str(examples), "out": str(folder), "task": "replaced_tokens", "encoder": ENCODER},
            **{"size": "tiny", "steps": 6, "batch_size": 8, "evaluate_every": 4, "save_every": 2, "log_every": 2},
            **{"learning_rate": 1e-3, "dev_shards": 0},
            **settings,
        }
    )
    model, train, dev = model_and_batches(config)
    metrics = pretrain(model, train, dev, config)
    return metrics, [variable.numpy() for variable in model.variables]


@pytest.mark.slow
def test_resumed_run_equals_an_uninterrupted_one(tmp_path, examples, monkeypatch):
    metrics, weights = run(tmp_path / "whole", examples)
    counted = []

    def stop(self, batch, logs=None):
        counted.append(batch)
        if len(counted) == 4:
            raise KeyboardInterrupt  # as a killed process: nothing is saved on the way out

    with monkeypatch.context() as patched:
        patched.setattr(SaveModel, "on_train_batch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parts", examples)
    again, resumed = run(tmp_path / "parts", examples)
    assert {**again, "tokens_per_second": 0} == {**metrics, "tokens_per_second": 0}
    for one, other in zip(weights, resumed, strict=True):
        np.testing.assert_array_equal(one, other)
    line = json.loads((tmp_path / "whole/metrics.jsonl").read_text().splitlines()[0])
    assert {"mlm_accuracy", "rtd_loss", "rtd_accuracy", "rtd_precision", "rtd_recall", "gradient_norm"} <= line.keys()


@pytest.mark.slow
def test_it_continues_from_its_model_in_other_ways(tmp_path, examples):
    metrics, _ = run(tmp_path / "run", examples, dev_shards=1, accumulation=2, jit_compile=True)
    assert (tmp_path / "run/filled_masks.jsonl").read_text().count("\n") == 2  # by the generator
    assert "Filled-in masks" in (tmp_path / "run/report.html").read_text()
    continued = {"init_from": str(tmp_path / "run/model"), "steps": 2, "dev_shards": 1, "dtype": "mixed_bfloat16"}
    further, _ = run(tmp_path / "further", examples, **continued)
    assert further["mlm_loss"] < 1.1 * metrics["mlm_loss"] and further["rtd_loss"] < 1.1 * metrics["rtd_loss"]


def test_settings(examples, tmp_path):
    config = {"data": str(examples), "task": "replaced_tokens", "encoder": ENCODER, "size": "tiny"}
    settings = {"generator_size": 0.5, "discriminator_weight": 25.0}
    model, batches, _ = model_and_batches(PretrainConfig(**config, settings=settings))
    assert model.task.settings().items() >= settings.items()
    assert (batches.masking.share_mask, batches.masking.share_kept) == (0.85, 0.15)
    with pytest.raises(ConfigError, match="no setting 'generator_sise'; did you mean 'generator_size'"):
        model_and_batches(PretrainConfig(**config, settings={"generator_sise": 0.5}))
    with pytest.raises(ConfigError, match="BertEncoder has no head that tells replaced tokens"):
        model_and_batches(PretrainConfig(**{**config, "encoder": {"max_position_embeddings": 32}}))
    with pytest.raises(ConfigError, match="task 'classification' is not one of fill_mask, replaced_tokens"):
        PretrainConfig(task="classification")
