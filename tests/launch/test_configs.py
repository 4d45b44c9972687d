"""Each config of configs/ on the real, published data, through a tiny encoder."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

from tfbert import AdamW, BertEncoder, TextClassifier, Tokenizer, data
from tfbert.checkpoints.formats.hugging_face import write_folder
from tfbert.data.batching.batches import Batches
from tfbert.errors import ConfigError
from tfbert.models import model_class
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.text import Vocabulary

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
MRPC = {"text_column": "#1 String", "text_pair_column": "#2 String", "label_column": "Quality"}
CASES = [  # config, training file, dev file, rows of dev, vocabulary, what the files' columns are called
    ("sst2", "classification/sst2_glue/train.tsv.gz", "classification/sst2_glue/dev.tsv", 872, "uncased", {}),
    ("mrpc", "classification/mrpc/train.tsv.gz", "classification/mrpc/dev.tsv", 408, "uncased", MRPC),
    ("goemotions", "multilabel/goemotions/train.tsv.gz", "multilabel/goemotions/dev.tsv.gz", 5426, "cased", {}),
    ("stsb", "similarity/stsb_multi_mt/stsb-en-train.csv.gz", "similarity/stsb_multi_mt/stsb-en-dev.csv", 1500, "cased", {}),
    ("chnsenticorp", "classification_zh/chnsenticorp/train.tsv.gz", "classification_zh/chnsenticorp/dev.tsv", 1200, "chinese", {}),
]  # fmt: skip


def config_of(name, argument=None, **changes):
    spec = importlib.util.spec_from_file_location(name, CONFIGS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return FinetuneConfig.from_dict({**module.get_config(*([argument] if argument else [])).to_dict(), **changes})


QUICK = ("mrpc", "chnsenticorp")


@pytest.mark.parametrize(
    ("name", "train", "dev", "rows", "vocabulary", "changes"),
    [pytest.param(*case, id=case[0], marks=() if case[0] in QUICK else pytest.mark.slow) for case in CASES],
)
def test_config_on_its_data(name, train, dev, rows, vocabulary, changes, data_dir, tiny_config, tmp_path):
    import dataclasses

    train, dev = data_dir(train), data_dir(dev)
    tokens = Vocabulary.from_file(data_dir(f"vocab/bert-base-{vocabulary}/vocab.txt"))
    config = dataclasses.replace(tiny_config, num_hidden_layers=2, vocab_size=len(tokens), max_position_embeddings=512)
    keras.utils.set_random_seed(0)
    encoder = BertEncoder(config, name="encoder")
    encoder.build()
    write_folder(tmp_path, encoder)
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
    model.fit(few, epochs=6, verbose=0)
    assert model.evaluate(few, return_dict=True)["loss"] < before


OTHERS = [  # config, training file, dev file, rows of them, vocabulary
    ("wnut17", "ner/wnut17/wnut17train.conll", "ner/wnut17/emerging.dev.conll", (3394, 1009), "cased"),
    ("wikiann", "ner/wikiann_en/train.txt.gz", "ner/wikiann_en/dev.txt.gz", (20000, 10000), "cased"),
    ("cluener", "ner/cluener_zh/train.json.gz", "ner/cluener_zh/dev.json", (10748, 1343), "chinese"),
    ("semeval2010", "re/semeval2010_task8/TRAIN_FILE.TXT.gz", "re/semeval2010_task8/TEST_FILE_FULL.TXT.gz", (8000, 2717), "uncased"),
    ("squad1", "qa/squad_v1.1/train-v1.1.rebuilt.json.gz", "qa/squad_v1.1/dev-v1.1.json.gz", (87599, 10570), "uncased"),
    ("squad2", "qa/squad_v2.0/dev-v2.0.rebuilt.json.gz", "qa/squad_v2.0/dev-v2.0.rebuilt.json.gz", (11873, 11873), "uncased"),
    ("cmrc2018", "qa/cmrc2018/train.json.gz", "qa/cmrc2018/dev.json.gz", (10142, 3219), "chinese"),
    ("stsb_embedding", "similarity/stsb_multi_mt/stsb-en-train.csv.gz", "similarity/stsb_multi_mt/stsb-en-dev.csv", (5749, 1500), "uncased"),
    ("sick", "similarity/sick2014/SICK_train.txt.gz", "similarity/sick2014/SICK_trial.txt", (4500, 500), "uncased"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "train", "dev", "rows", "vocabulary"), OTHERS, ids=[case[0] for case in OTHERS])
def test_other_tasks_read_their_published_data(name, train, dev, rows, vocabulary, data_dir):
    run = config_of(name)
    files = [data_dir(train), data_dir(dev)]
    tokenizer = Tokenizer.from_file(
        data_dir(f"vocab/bert-base-{vocabulary}/vocab.txt"), lower_case=vocabulary != "cased"
    )
    tables = [data.read(file, column_names=run.column_names, format=run.format or None) for file in files]
    assert tuple(map(len, tables)) == rows
    task_class = model_class(run.task).task_class
    settings = task_class.settings_for(tables[0], max_length=run.max_length, columns=run.all_columns, **run.settings)
    task = task_class.from_settings(settings, tokenizer)
    for table, training in zip(tables, (True, False), strict=True):
        examples = task.examples(table, training=training)  # every row is well-formed, or counted and left out
        assert {len(values) for values in examples.values()} == {len(table)}
    batches = Batches(task.examples(tables[1].select(range(64))), task.features, task.target, batch_size=32)
    for _, features, target in batches.once():
        assert len(features["token_ids"]) == len(target)
        assert (features["token_ids"].numpy() == tokenizer.vocabulary["[UNK]"]).mean() < 0.02


@pytest.mark.parametrize(("task", "rows"), [("xnli", 2490), ("pawsx", 2000)])
def test_pairs_of_every_language_are_read(task, rows, data_dir):
    folder, counts = data_dir(f"multilingual/{task}_xtreme"), []
    for path in sorted(folder.iterdir()):
        language = path.name.removeprefix("dev-").split(".")[0]
        run = config_of("xtreme", f"{task},{language},{folder}")
        assert run.dev == f"{folder}/dev-{language}.tsv" and run.train == f"{folder}/train-en.tsv"
        table = data.read(path, column_names=run.column_names)
        assert len(table) == rows
        counts.append(tuple(np.unique(table.columns["label"], return_counts=True)[1]))
    if task == "xnli":  # whose rows are translations
        assert len(set(counts)) == 1


@pytest.mark.parametrize("argument", ["", "xnli", "xnli,xx", "mnli,en"])
def test_a_task_or_language_that_there_is_not(argument):
    with pytest.raises(ConfigError, match="TASK,LANGUAGE|has the languages"):
        config_of("xtreme", argument)
