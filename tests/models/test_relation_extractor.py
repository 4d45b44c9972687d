"""RelationExtractor in a Keras workflow, on disk and served."""

import dataclasses
import itertools
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


def test_markers_of_a_vocabulary_without_unused_tokens(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "without")
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8")
    (folder / "vocab.txt").write_text(vocabulary.replace("[unused", "[used"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no four unused tokens.*markers="):
        RelationExtractor.from_checkpoint(folder, labels=LABELS)
    tokens = Tokenizer.from_folder(folder).vocabulary.tokens[-4:]
    model = RelationExtractor.from_checkpoint(folder, labels=list(LABELS), markers=tokens)
    assert model.task.markers == tuple(tokens)
    assert len(model.predict(MARKED)) == 2


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
