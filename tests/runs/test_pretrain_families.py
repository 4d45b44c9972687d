"""Pretraining of families with tokenizers of their own: from examples of their ids to a folder that fills its masks."""

import json

import keras
import numpy as np
import pytest
from examples import write_examples
from own_tokenizers import TOKENIZERS

import tfbert
from tfbert.data.pretraining.shards import open_shards
from tfbert.errors import ConfigError
from tfbert.runs.configs.pretrain import PretrainConfig
from tfbert.runs.pretrain import pretrain
from tfbert.runs.pretrain_inputs import model_and_batches

SIZES = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64, "num_hidden_layers": 2}


def config_of(model_type, folder, **encoder):
    sizes = {"model_type": model_type, **SIZES, "max_position_embeddings": 66, **encoder}
    settings = {"steps": 4, "batch_size": 8, "evaluate_every": 4, "save_every": 4, "log_every": 2, "dev_shards": 1}
    return PretrainConfig.from_dict(
        {"data": str(folder / "examples"), "encoder": sizes, "out": str(folder / "run"), **settings}
    )


@pytest.mark.parametrize(
    "model_type",
    [
        "roberta",
        pytest.param("xlm-roberta", marks=pytest.mark.slow),
        pytest.param("modernbert", marks=pytest.mark.slow),
    ],
)
def test_a_family_with_its_tokenizer(model_type, shop, tmp_path):
    (tmp_path / "files").mkdir()
    tokenizer = TOKENIZERS[model_type](tmp_path / "files")
    texts = [text[:10] for text in tfbert.data.read(shop / "train.tsv").column("text")[:200]]
    write_examples(tmp_path / "examples", tokenizer, texts, objective="none")
    config = config_of(model_type, tmp_path)
    model, train, dev = model_and_batches(config)
    assert model.encoder.config.pad_token_id == tokenizer.padding_id
    assert model.encoder.config.vocab_size == len(tokenizer.vocabulary)
    batch = next(iter(train.once()))
    special = {tokenizer.padding_id, *tokenizer.template.ids}
    masked = np.take_along_axis(batch["token_ids"].numpy(), batch["masked_positions"].numpy(), 1)
    is_masked = batch["masked_weights"].numpy() > 0
    assert (masked[is_masked] == tokenizer.mask_id).mean() > 0.6 and not special & set(masked[is_masked].tolist())
    metrics = pretrain(model, train, dev, config)
    assert 0 < metrics["mlm_loss"] < 2 * np.log(len(tokenizer.vocabulary)) and "nsp_loss" not in metrics
    values = json.loads((tmp_path / "run/model/config.json").read_text())
    assert values["model_type"] == model_type and values["architectures"][0].endswith("ForMaskedLM")
    again = tfbert.Pretrainer.from_checkpoint(tmp_path / "run/model")
    mask = tokenizer.special_tokens.mask
    (answer,) = again.predict([f"where is my {mask}"], verbose=0)
    assert len(answer["masks"]) == 1


def test_rows_that_are_longer_than_its_positions(shop, tmp_path):
    tokenizer = TOKENIZERS["roberta"](tmp_path)
    write_examples(tmp_path / "examples", tokenizer, ["a film"] * 40, objective="none")
    longest = open_shards(tmp_path / "examples").max_length
    config = config_of("roberta", tmp_path, max_position_embeddings=longest)
    keras.utils.set_random_seed(0)
    with pytest.raises(ConfigError, match=f"give --config.encoder.max_position_embeddings={longest + 2}"):
        model_and_batches(config)
