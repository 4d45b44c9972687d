"""RelationExtractor in a Keras workflow, on disk and served."""

import dataclasses
import itertools
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import tfbert
from tfbert import BertEncoder, RelationExtractor, Tokenizer
from tfbert.checkpoints.formats.hugging_face import write_folder
from tfbert.data import Table
from tfbert.errors import ConfigError, DataError
from tfbert.export.folder import export
from tfbert.text import Vocabulary

LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other")
WORDS = "fire smoke water storm causes and the".split()


def rows():
    """Sentences whose words are the same while what is marked decides the direction."""
    texts, labels = [], []
    for first, second in itertools.permutations(WORDS[:4], 2):
        for mark_first, mark_second, verb, label in (
            ("e1", "e2", "causes", LABELS[0]),
            ("e2", "e1", "causes", LABELS[1]),
            ("e1", "e2", "and", LABELS[2]),
        ):
            texts.append(f"the <{mark_first}>{first}</{mark_first}> {verb} the <{mark_second}>{second}</{mark_second}>")
            labels.append(label)
    return texts, labels


TEXTS, NAMES = rows()
SPANS = {"text": ["the fire causes the storm", "naïve 😀 fire and smoke"], "head": [[20, 25], [8, 12]], "tail": [[4, 8], [17, 22]]}  # fmt: skip
MARKED = ["the <e2>fire</e2> causes the <e1>storm</e1>", "naïve 😀 <e1>fire</e1> and <e2>smoke</e2>"]


@pytest.fixture(scope="module")
def checkpoint(tiny_config, tmp_path_factory):
    keras.utils.set_random_seed(7)
    markers = [f"[unused{i}]" for i in range(1, 5)]
    vocabulary = Vocabulary(["[PAD]", *markers, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
    folder = tmp_path_factory.mktemp("tiny")
    encoder = BertEncoder(dataclasses.replace(tiny_config, vocab_size=len(vocabulary)), name="encoder")
    encoder.build()
    write_folder(folder, encoder)
    Tokenizer(vocabulary).save(folder)
    return folder


@pytest.fixture(scope="module")
def trained(checkpoint):
    keras.utils.set_random_seed(0)
    model = RelationExtractor.from_checkpoint(checkpoint, labels=LABELS)
    model.compile(tfbert.AdamW(5e-3))
    model.fit(TEXTS, NAMES, epochs=12, batch_size=6, verbose=0)
    return model


def probabilities(answers):
    return np.array([list(row["probabilities"].values()) for row in answers])


def test_learns_directions_to_perfection(trained):
    assert trained.load_report.missing == ("classifier/kernel", "classifier/bias")
    values = trained.evaluate(TEXTS, NAMES, return_dict=True)
    assert (values["macro_f1"], values["accuracy"]) == (1.0, 1.0)
    answers = trained.predict(MARKED[:1])
    assert {name: answers[0][name] for name in ("relation", "direction", "head_text", "tail_text")} == {
        "relation": "Cause-Effect",
        "direction": "e2,e1",
        "head_text": "storm",
        "tail_text": "fire",
    }


def test_spans_are_answered_as_marks(trained):
    of_spans, of_marks = trained.predict(SPANS), trained.predict(MARKED)
    assert [row["head_text"] for row in of_spans] == ["storm", "fire"] == [row["head_text"] for row in of_marks]
    np.testing.assert_allclose(probabilities(of_spans), probabilities(of_marks), atol=1e-6)
    arrays = {**SPANS, "head": np.array(SPANS["head"]), "tail": np.array(SPANS["tail"])}
    assert trained.predict(arrays) == of_spans


def test_forms_of_data_with_spans(checkpoint):
    ends = [[4, 8], [20, 25]] * 4
    spans = {"text": ["the fire causes the storm"] * 8, "head": ends, "tail": ends[1:] + ends[:1]}
    names = list(LABELS[:2]) * 4
    keras.utils.set_random_seed(0)
    model = RelationExtractor.from_checkpoint(checkpoint, labels=LABELS)
    model.compile(tfbert.AdamW(5e-3))
    arrays = {name: np.array(values) for name, values in spans.items()}
    model.fit(tf.data.Dataset.from_tensor_slices((arrays, [0, 1] * 4)).batch(4), epochs=10, verbose=0)
    assert model.evaluate(Table.from_columns({**spans, "label": names}), return_dict=True)["accuracy"] == 1.0
    assert model.evaluate(spans, names, return_dict=True)["macro_f1"] == 1.0


def test_served(trained, tmp_path):
    trained.export(tmp_path / "1")
    graph = saved_model_pb2.SavedModel.FromString((tmp_path / "1/saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    operations = {node.op for function in graph.library.function for node in function.node_def}
    assert not {name for name in operations if "PyFunc" in name or "Table" in name or "Xla" in name}
    loaded = tf.saved_model.load(str(tmp_path / "1"))
    of_marks, of_spans = (loaded.signatures[name] for name in ("serving_default", "spans"))

    def same(values, answers):
        wanted = {name: [row[name] for row in answers] for name in ("label", "relation", "direction")}
        wanted |= {name: [row[name] for row in answers] for name in ("head_text", "tail_text")}
        for name, texts in wanted.items():
            assert [text.decode("utf-8", "replace") for text in values[name].numpy()] == texts
        assert values["probabilities"].shape == (len(answers), 3)
        np.testing.assert_allclose(values["probabilities"], probabilities(answers).reshape(-1, 3), atol=1e-6)
        np.testing.assert_allclose(values["score"], [row["score"] for row in answers], atol=1e-6)

    def spans(text, head, tail):
        return {
            "text": tf.constant(text, tf.string),
            "head": tf.constant(head, tf.int32, shape=[len(text), 2]),
            "tail": tf.constant(tail, tf.int32, shape=[len(text), 2]),
        }

    far = "<e1>fire</e1> " + "water " * 5000 + "<e2>smoke</e2>"
    for texts in (
        TEXTS,
        MARKED,
        [],
        [""],
        ["the fire", "<e1>fire</e1>", "</e2><e1>", far, far + TEXTS[0], "<e1></e1>"],
    ):
        same(of_marks(text=tf.constant(texts, tf.string)), trained.predict(texts))
    same(of_spans(**spans(**SPANS)), trained.predict(SPANS))
    bad = {
        "text": ["", "fire", "fire and smoke", "fire and smoke", "fire and smoke", far],
        "head": [[0, 0], [-9, 99], [0, 4], [9, 4], [0, 4], [4, 8]],
        "tail": [[5, 6], [1, 2], [9, 2**31 - 1], [0, 4], [2, 6], [len(far) - 10, len(far) - 5]],
    }
    values = of_spans(**spans(**bad))
    same(values, trained.predict(bad))
    assert values["head_text"].numpy().tolist() == [b"", b"", b"fire", b"", b"", b"fire"]
    assert values["tail_text"].numpy().tolist() == [b"", b"", b"smoke", b"", b"", b"smoke"]
    same(of_spans(**spans([], [], [])), [])
    broken = of_spans(**spans([b"\xff fire \xc3", b"\x00"], [[0, 1], [0, 1]], [[2, 6], [0, 1]]))
    assert broken["tail_text"].numpy().tolist() == [b"fire", b""]
    assert np.isfinite(broken["score"]).all()


def test_an_unmarked_text_is_answered_from_its_start(trained):
    """Both places are then [CLS]'s, whatever else there is in the batch."""
    features = trained.task.features({"text": tf.constant(["the fire", TEXTS[0]])})
    states = trained.encoder({name: features[name] for name in ("token_ids", "segment_ids", "padding_mask")})
    start = states["sequence_output"][0, 0].numpy()
    classifier = trained.network.get_layer("classifier")
    wanted = np.concatenate([start, start]) @ classifier.kernel.numpy() + classifier.bias.numpy()
    np.testing.assert_allclose(trained(features)[0], wanted, atol=1e-5)


@pytest.fixture(scope="module")
def without(tiny_checkpoint, tmp_path_factory):
    """A checkpoint without unused tokens."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("no") / "without")
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8")
    (folder / "vocab.txt").write_text(vocabulary.replace("[unused", "[used"), encoding="utf-8")
    return folder


def test_a_vocabulary_without_unused_tokens_gets_markers(without, tmp_path):
    tokenizer = Tokenizer.from_folder(without)
    model = RelationExtractor.from_checkpoint(without, labels=LABELS)
    size = len(tokenizer.vocabulary)
    assert model.task.markers == ("[E1]", "[/E1]", "[E2]", "[/E2]") == tuple(model.task.tokenizer.vocabulary)[size:]
    assert model.encoder.config.vocab_size == size + 4
    features = model.task.features({"text": tf.constant(MARKED)})
    ids = features["token_ids"].numpy()
    assert ids[1, features["head_start"].numpy()[1]] == size and ids[1, features["tail_start"].numpy()[1]] == size + 2
    # a text that spells a marker has its id, as in transformers
    assert model.task.tokenizer(["[E2] fire"])["token_ids"][0, 1] == size + 2
    rows = model.encoder.token_embedding.embeddings.numpy()
    np.testing.assert_array_equal(rows[:size], tfbert.Encoder.from_checkpoint(without).token_embedding.embeddings)
    again = RelationExtractor.from_checkpoint(without, labels=LABELS)
    np.testing.assert_array_equal(rows, again.encoder.token_embedding.embeddings)
    assert 0.01 < np.std(rows[size:] - rows[:size].mean(0)) < 0.03
    # saved as a folder and as Keras' file
    wanted = model.predict(MARKED)
    model.save(tmp_path / "saved")
    model.save(tmp_path / "saved.keras")
    for other in (tfbert.load(tmp_path / "saved"), keras.models.load_model(tmp_path / "saved.keras")):
        assert other.task == model.task or other.task.markers == model.task.markers
        assert len(other.task.tokenizer.vocabulary) == other.encoder.config.vocab_size == size + 4
        assert other.predict(MARKED) == wanted
    model.export(tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"](text=tf.constant(MARKED))
    np.testing.assert_allclose(served["probabilities"], probabilities(wanted), atol=1e-6)


@pytest.mark.slow
def test_added_markers_are_exported_in_every_format(without, tmp_path):
    model = RelationExtractor.from_checkpoint(without, labels=LABELS)
    export(model, tmp_path, precisions=["float32"])
    checked = json.loads((tmp_path / "golden.json").read_text())["checked"]
    assert {row["file"] for row in checked} == {"1", "lite/model.tflite", "onnx/model.onnx"}


def test_markers_of_a_padded_embedding_take_its_rows(without, tmp_path):
    """As with transformers' `add_tokens`, which gives the ids after the tokens."""
    folder = shutil.copytree(without, tmp_path / "padded")
    tokens = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens[:-2]), encoding="utf-8")
    model = RelationExtractor.from_checkpoint(folder, labels=LABELS, unused_embeddings=True)
    assert model.encoder.config.vocab_size == len(tokens) + 2 == len(model.task.tokenizer.vocabulary)
    rows = tfbert.Encoder.from_checkpoint(without).token_embedding.embeddings
    np.testing.assert_array_equal(model.encoder.token_embedding.embeddings[: len(tokens)], rows)


def test_markers_that_are_named_are_of_the_vocabulary(without):
    tokens = Tokenizer.from_folder(without).vocabulary.tokens[-4:]
    model = RelationExtractor.from_checkpoint(without, labels=list(LABELS), markers=tokens)
    assert model.task.markers == tuple(tokens)
    assert len(model.predict(MARKED)) == 2
    with pytest.raises(ConfigError, match=r"the marker '\[E1\]' is not in"):
        RelationExtractor.from_checkpoint(without, labels=LABELS, markers=["[E1]", "[/E1]", "[E2]", "[/E2]"])
    added = RelationExtractor.from_checkpoint(without, labels=LABELS, added_tokens=["a", "<x>", "</x>", "<y>"])
    assert added.task.tokenizer.vocabulary.tokens[-7:] == ["<x>", "</x>", "<y>", "[E1]", "[/E1]", "[E2]", "[/E2]"]


def test_half_precision(checkpoint):
    model = RelationExtractor.from_checkpoint(checkpoint, labels=LABELS, dtype="mixed_bfloat16")
    assert model(model.task.features({"text": tf.constant(TEXTS[:2])})).dtype == tf.float32


def test_errors(trained, checkpoint):
    with pytest.raises(DataError, match="row 0: the text lacks <e1>"):
        trained.fit(["fire", "smoke"], [LABELS[0], "Other"])
    with pytest.raises(ConfigError, match="no setting 'lables'; did you mean 'labels'"):
        RelationExtractor.from_checkpoint(checkpoint, lables=LABELS)
    with pytest.raises(ConfigError, match="at least two labels"):
        RelationExtractor.from_checkpoint(checkpoint)
