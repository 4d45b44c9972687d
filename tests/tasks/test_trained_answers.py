"""Trained models on every row of their dev files: the served graph's answer is that of the plain, slow decoders.

    TFBERT_RUNS=runs python -m pytest -m slow tests/tasks/test_trained_answers.py

TFBERT_RUNS is a folder of run folders, such as `tfbert finetune` writes. W windows, B rows.
"""

import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from bio_reference import entities_of
from question_answering_reference import decoded
from summary_reference import summaries_of

import tfbert
from tfbert.data import columns

pytestmark = pytest.mark.slow
ROWS = 16  # asked for at once
RUNS = pathlib.Path(os.environ.get("TFBERT_RUNS", "runs"))


def runs_of(task):
    found = []
    for path in sorted(RUNS.glob("*/config.json")):
        config = json.loads(path.read_text())
        if config.get("task", "classification") == task and (path.parent / "dev_metrics.json").exists():
            found.append(pytest.param(config, path.parent, id=path.parent.name))
    absent = pytest.param({}, RUNS, id="no run", marks=pytest.mark.skip(f"needs a finished {task} run in {RUNS}"))
    return found or [absent]


def asked(config, folder, tmp_path):
    """Yields (examples, features, outputs, served answers) of the dev file, a few rows at a time, and the model."""
    model = tfbert.load(folder)
    model.export(tmp_path / "served/1")
    loaded = tf.saved_model.load(str(tmp_path / "served/1"))
    table = tfbert.data.read(config["dev"], column_names=tuple(config["column_names"]), format=config["format"] or None)
    columns_of_table = model.task.examples(table, labelled=False)
    inputs = columns_of_table.keys()
    signature = next(
        each for name, each in loaded.signatures.items() if model.task.signatures.get(name, {}).keys() == inputs
    )
    network = tf.function(lambda features: model(features), reduce_retracing=True, autograph=False)
    for begin in range(0, len(table), ROWS):
        examples = {key: values[begin : begin + ROWS] for key, values in columns_of_table.items()}
        example = {key: columns.tensor(values) for key, values in examples.items()}
        features = model.task.features(example)
        outputs = tf.nest.map_structure(lambda value: value.numpy(), network(features))
        dense = {
            key: value.to_tensor("") if isinstance(value, tf.RaggedTensor) else value for key, value in example.items()
        }
        served = {key: value.numpy() for key, value in signature(**dense).items()}
        yield model, examples, {key: value.numpy() for key, value in features.items()}, outputs, served


def strings(values):
    return [value.decode() for value in values]


@pytest.mark.parametrize(("config", "folder"), runs_of("token_classification"))
def test_entities(config, folder, tmp_path):
    count = 0
    for model, examples, features, outputs, served in asked(config, folder, tmp_path):
        texts = examples.get("words") or examples["text"]
        wanted = entities_of(texts, model.task.labels, features, outputs)
        for row, entities in enumerate(wanted):
            there = [i for i, label in enumerate(served["label"][row]) if label]
            got = [
                (
                    served["label"][row][i].decode(),
                    served["entity"][row][i].decode(),
                    *(int(served[name][row][i]) for name in ("start", "end", "byte_start", "byte_end")),
                )
                for i in there
            ]
            assert got == [entity[:6] for entity in entities]
            np.testing.assert_allclose(served["score"][row][there], [entity[8] for entity in entities], atol=1e-4)
            count += len(got)
    print(f"{folder.name}: {count} entities")
    assert count


@pytest.mark.parametrize(("config", "folder"), runs_of("question_answering"))
def test_answers(config, folder, tmp_path):
    count = 0
    for model, examples, features, outputs, served in asked(config, folder, tmp_path):
        task = model.task
        for row, context in enumerate(examples["context"]):
            windows = np.flatnonzero(features["rows"] == row)
            spans, null = decoded(context, features, outputs, windows, task.n_best, task.answer_length)
            best = spans[0][0] if spans else -np.inf
            answered = bool(spans) and not (task.unanswerable and null - best > task.threshold)
            assert served["answer"][row].decode() == (spans[0][5] if answered else "")
            texts = strings(text for text in served["answers"][row] if text)
            # Scores that float32 cannot tell apart may change places.
            assert sorted(texts) == sorted(span[5] for span in spans if span[5])
            if answered:
                assert (served["start"][row, 0], served["end"][row, 0]) == spans[0][3:5]
                assert context[spans[0][3] : spans[0][4]] == spans[0][5]
            count += answered
    print(f"{folder.name}: {count} answers")
    assert count


@pytest.mark.parametrize(("config", "folder"), runs_of("summarization"))
def test_summaries(config, folder, tmp_path):
    count = 0
    for model, examples, features, outputs, served in asked(config, folder, tmp_path):
        task, documents = model.task, examples["document"]
        found = task.splitter(tf.constant(documents))
        spans = list(zip(found.starts.numpy().tolist(), found.ends.numpy().tolist(), strict=True))
        splits = found.row_splits.numpy()
        spans = [spans[a:b] for a, b in zip(splits, splits[1:], strict=False)]
        limits = [round(task.ratio * len(own)) or bool(own) if task.ratio else task.sentences for own in spans]
        places = task.tokenizer.windows(documents, max_length=task.max_length, stride=task.shared_tokens, offsets=True)
        features = {**features, **{key: value.numpy() for key, value in places.items()}}
        for row, summary in enumerate(summaries_of(documents, spans, features, outputs, limits, task.block_ngrams)):
            numbers = served["sentence_ids"][row]
            assert numbers[numbers >= 0].tolist() == [number for number, _ in summary]
            texts = strings(served["sentences"][row][: len(summary)])
            assert texts == [documents[row].encode()[slice(*spans[row][number])].decode() for number, _ in summary]
            count += len(texts)
    print(f"{folder.name}: {count} sentences")
    assert count


@pytest.mark.parametrize(("config", "folder"), runs_of("classification") + runs_of("relation_extraction"))
def test_labels(config, folder, tmp_path):
    count = 0
    for model, examples, features, outputs, served in asked(config, folder, tmp_path):
        labels = model.task.labels
        if model.task.reads_windows:
            rows = range(len(examples["text"]))
            outputs = np.stack([outputs[features["rows"] == row].mean(axis=0) for row in rows])
        if model.task.problem == "regression":
            assert served["score"].tolist() == pytest.approx(outputs[:, 0].tolist(), abs=1e-5)
        elif model.task.problem == "single_label":
            assert strings(served["label"]) == [labels[i] for i in outputs.argmax(-1)]
            shifted = np.exp(outputs - outputs.max(-1, keepdims=True))
            np.testing.assert_allclose(served["probabilities"], shifted / shifted.sum(-1, keepdims=True), atol=1e-5)
        else:
            np.testing.assert_allclose(served["probabilities"], 1 / (1 + np.exp(-outputs)), atol=1e-5)
            # Compared with the served numbers: a threshold is some dev row's own probability.
            thresholds = np.float32(model.task.thresholds or [0.5] * len(labels))
            for row, own in enumerate(served["probabilities"]):
                given = [i for i in np.argsort(-own, kind="stable") if own[i] >= thresholds[i]]
                assert strings(label for label in served["label"][row] if label) == [labels[i] for i in given]
        count += len(outputs)
    print(f"{folder.name}: {count} texts")
    assert count


@pytest.mark.parametrize(("config", "folder"), runs_of("sentence_embedding"))
def test_embeddings(config, folder, tmp_path):
    count = 0
    for model, examples, features, _, served in asked(config, folder, tmp_path):
        assert (model.task.pooling, model.task.dense_units, model.task.dimensions) == ("mean", 0, 0), (
            "not written plainly"
        )
        names = [name for name in ("text", "text_pair", "negative") if name in examples]
        sequences = model.encoder({name: tf.constant(features[name]) for name in model.network.input})[
            "sequence_output"
        ]
        vectors = []
        for sequence, mask in zip(sequences.numpy().astype(np.float64), features["padding_mask"], strict=True):
            mean = sequence[mask == 1].mean(axis=0)
            vectors.append(mean / np.linalg.norm(mean))
        of_rows = np.reshape(vectors, [len(examples["text"]), len(names), -1])
        for column, name in enumerate(("embedding", "embedding_pair", "embedding_negative")[: len(names)]):
            np.testing.assert_allclose(served[name], of_rows[:, column], atol=1e-5)
        for column, name in enumerate(("similarity", "similarity_negative")[: len(names) - 1], 1):
            cosines = (of_rows[:, 0] * of_rows[:, column]).sum(axis=-1)
            np.testing.assert_allclose(served[name], cosines, atol=1e-5)
        count += len(vectors)
    print(f"{folder.name}: {count} vectors")
    assert count
