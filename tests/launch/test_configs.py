"""Each config of configs/ on the real, published data, through a tiny encoder."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

from tfbert import AdamW, BertEncoder, TextClassifier, Tokenizer, data
from tfbert.checkpoints.hugging_face import write_folder
from tfbert.data.batches import Batches
from tfbert.text import Vocabulary
from tfbert.training.experiment import FinetuneConfig

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
MRPC = {"text_column": "#1 String", "text_pair_column": "#2 String", "label_column": "Quality"}
CASES = [  # config, training file, dev file, rows of dev, vocabulary, what the files' columns are called
    ("sst2", "classification/sst2_glue/train.tsv.gz", "classification/sst2_glue/dev.tsv", 872, "uncased", {}),
    ("mrpc", "classification/mrpc/train.tsv.gz", "classification/mrpc/dev.tsv", 408, "uncased", MRPC),
    ("goemotions", "multilabel/goemotions/train.tsv.gz", "multilabel/goemotions/dev.tsv.gz", 5426, "cased", {}),
    ("stsb", "similarity/stsb_multi_mt/stsb-en-train.csv.gz", "similarity/stsb_multi_mt/stsb-en-dev.csv", 1500, "cased", {}),
    ("chnsenticorp", "classification_zh/chnsenticorp/train.tsv.gz", "classification_zh/chnsenticorp/dev.tsv", 1200, "chinese", {}),
]  # fmt: skip


def config_of(name, **changes):
    spec = importlib.util.spec_from_file_location(name, CONFIGS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return FinetuneConfig.from_dict({**module.get_config().to_dict(), **changes})


@pytest.mark.parametrize(("name", "train", "dev", "rows", "vocabulary", "changes"), CASES, ids=[c[0] for c in CASES])
def test_config_on_its_data(name, train, dev, rows, vocabulary, changes, data_dir, tiny_config, tmp_path):
    import dataclasses

    train, dev = data_dir(train), data_dir(dev)
    tokens = Vocabulary.from_file(data_dir(f"vocab/bert-base-{vocabulary}/vocab.txt"))
    config = dataclasses.replace(tiny_config, vocab_size=len(tokens), max_position_embeddings=512)
    keras.utils.set_random_seed(0)
    encoder = BertEncoder(config, name="encoder")
    encoder.build()
    write_folder(tmp_path, encoder, {}, {})
    Tokenizer(tokens, lower_case=vocabulary != "cased").save(tmp_path)

    run = config_of(name, **changes)
    train_table = data.read(train, column_names=run.column_names)
    dev_table = data.read(dev, column_names=run.column_names)
    assert len(dev_table) == rows
    settings = TextClassifier.task_class.settings_for(
        train_table, max_length=run.max_length, columns=run.all_columns, **run.settings
    )
    model = TextClassifier.from_checkpoint(tmp_path, **settings)
    task = model.task
    examples = task.examples(train_table, training=True)  # every row, label and text is well-formed
    assert len(examples["label"]) == len(train_table)
    dev_examples = task.examples(dev_table)
    if task.problem == "single_label":
        assert np.bincount(dev_examples["label"]).min() > 0.2 * rows
    if task.problem == "regression":
        assert (dev_examples["label"].min(), dev_examples["label"].max()) == (0.0, 5.0)
    if task.problem == "multi_label":
        assert 1.1 < dev_examples["label"].sum(1).mean() < 1.3  # the paper: 1.2 labels a comment

    few = Batches(task.examples(train_table.select(range(256))), task.features, task.target, batch_size=32)
    unknown = tokens["[UNK]"]
    ids = np.concatenate([x["token_ids"].numpy().ravel() for _, x, _ in few.once()])
    assert (ids == unknown).mean() < 0.01  # the right vocabulary for the language
    model.compile(AdamW(2e-3))
    before = model.evaluate(few, return_dict=True)["loss"]
    model.fit(few, epochs=3, verbose=0)
    assert model.evaluate(few, return_dict=True)["loss"] < before
