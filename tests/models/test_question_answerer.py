"""QuestionAnswerer in a Keras workflow, saved and served."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfbert
from tfbert import QuestionAnswerer
from tfbert.data import Table
from tfbert.errors import ConfigError, DataError

FILLER = "my order is the parcel and the order " * 3
QUESTIONS = ["where is it", "refund please", "where is my money", "my parcel"]
CONTEXTS = [
    "my order is late",
    f"{FILLER} i want my money back, please",
    "refund please",
    f"where is my parcel {FILLER}",
]
ANSWERS = ["order", "money back", "", "parcel"]


@pytest.fixture(scope="module")
def trained(tiny_checkpoint):
    """A model that knows these four questions by heart."""
    keras.utils.set_random_seed(0)
    settings = {"max_length": 32, "stride": 8, "unanswerable": True, "n_best": 5}
    model = QuestionAnswerer.from_checkpoint(tiny_checkpoint, **settings)
    model.compile(tfbert.AdamW(1e-2))
    model.fit((QUESTIONS * 4, CONTEXTS * 4), ANSWERS * 4, epochs=20, batch_size=8, verbose=0)
    return model


def same_answers(one, other):
    for left, right in zip(one, other, strict=True):
        assert [left[key] for key in ("answer", "start", "end")] == [right[key] for key in ("answer", "start", "end")]
        assert [span["answer"] for span in left["answers"]] == [span["answer"] for span in right["answers"]]
        scores = [[row["score"], *(span["score"] for span in row["answers"])] for row in (left, right)]
        np.testing.assert_allclose(*scores, atol=1e-5)


MIXED = (  # no context, no question, a long question, a context of 50,000 words, broken UTF-8 aside
    ["where is my order", "", "where is it " * 400, "refund please", "my parcel", "\u00e9"],
    ["", "my order is late", "refund please", "my parcel is late and the order " * 7143, "", "Ca\u0301f\u00e9 \u2603 \u4e2d\u6587 refund"],
)  # fmt: skip


def test_learns_evaluates_and_predicts_on_strings(trained):
    values = trained.evaluate((QUESTIONS, CONTEXTS), ANSWERS, return_dict=True)
    assert list(values) == ["loss", "f1", "exact_match", "has_answer_f1", "no_answer_f1"]
    assert values["f1"] == values["exact_match"] == 1.0
    rows = trained.predict((QUESTIONS, CONTEXTS))
    assert [row["answer"] for row in rows] == ANSWERS
    assert [len(row["answers"]) for row in rows] == [5, 5, 3, 5]  # of two words there are three spans
    for row, context in zip(rows, CONTEXTS, strict=True):
        for span in (*row["answers"], row):
            if span["answer"]:
                assert context[span["start"] : span["end"]] == span["answer"]
    json.dumps(rows)
    assert trained.predict({"question": QUESTIONS, "context": CONTEXTS}) == rows
    assert trained.predict(([], [])) == []
    table = Table.from_columns({"question": QUESTIONS, "context": CONTEXTS})
    assert trained.predict(table) == rows


def test_the_threshold_is_tuned_on_dev(trained):
    data = trained._batches((QUESTIONS, CONTEXTS), ANSWERS, 4, shuffle=False)
    _, answers = trained.evaluate_answers(data)
    tuned = trained.task.tuned_on(data.examples, answers)
    assert tuned.threshold != trained.task.threshold
    same = tuned.threshold - answers["null_score_difference"] >= 0
    assert same.tolist() == [bool(answer) for answer in ANSWERS]


def test_answers_do_not_depend_on_the_batch(trained):
    alone = [trained.predict(([question], [context]))[0] for question, context in zip(*MIXED, strict=True)]
    same_answers(trained.predict(MIXED, batch_size=6), alone)
    assert [row["answer"] for row in alone if not row["answers"]] == ["", ""]
    assert all(len(row["answers"]) == 5 for row in (alone[1], alone[3]))


def test_saved_and_loaded(trained, tmp_path):
    trained.save(tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["architectures"] == ["BertForQuestionAnswering"]
    again = tfbert.load(tmp_path / "model")
    assert isinstance(again, QuestionAnswerer)
    assert again.task.settings() == trained.task.settings()
    same_answers(again.predict(MIXED), trained.predict(MIXED))

    import safetensors.numpy

    names = safetensors.numpy.load_file(tmp_path / "model/model.safetensors")
    assert names["qa_outputs.weight"].shape == (2, 32) and names["qa_outputs.bias"].shape == (2,)
    without = {key: value for key, value in config.items() if key != "tfbert"}
    (tmp_path / "model/config.json").write_text(json.dumps(without))
    from_hugging_face = QuestionAnswerer.from_checkpoint(tmp_path / "model", max_length=32, stride=8, n_best=5)
    assert from_hugging_face.load_report.missing == ()


def test_what_is_served_is_predicts_answer(trained):
    def served(questions, contexts):
        values = trained.answer(
            {"question": tf.constant(questions, tf.string), "context": tf.constant(contexts, tf.string)}
        )
        return {name: value.numpy() for name, value in values.items()}

    for texts in (MIXED, (QUESTIONS, CONTEXTS), ([""], [""])):
        same_answers(trained.task.readable(served(*texts)), trained.predict(texts))
    empty = served([], [])
    vectors = {"answer", "score", "null_score_difference"}
    matrices = {"answers", "scores", "start", "end", "byte_start", "byte_end"}
    assert set(empty) == vectors | matrices
    assert {name: empty[name].shape for name in empty} == {
        **dict.fromkeys(vectors, (0,)),
        **dict.fromkeys(matrices, (0, 5)),
    }
    broken = b"\xff\xfe my order \xc3"
    values = served([b"\xc3"], [broken])
    begin, end = values["byte_start"][0, 0], values["byte_end"][0, 0]
    assert values["answers"][0, 0] == broken[begin:end]


@pytest.mark.slow
def test_half_precision_in_parts_of_a_batch(tiny_checkpoint):
    """Objects with places as `y`, accumulation over windows, questions that all have an answer."""
    keras.utils.set_random_seed(0)
    settings = {"max_length": 32, "stride": 8, "dtype": "mixed_bfloat16"}
    model = QuestionAnswerer.from_checkpoint(tiny_checkpoint, **settings)
    model.compile(tfbert.AdamW(5e-3), accumulation=2)
    places = [{"text": text, "start": context.find(text)} for text, context in zip(ANSWERS, CONTEXTS, strict=True)]
    questions, contexts, places = QUESTIONS[:2] * 4, CONTEXTS[:2] * 4, places[:2] * 4
    before = model.evaluate((questions, contexts), places, return_dict=True)
    model.fit((questions, contexts), places, epochs=4, batch_size=4, verbose=0)
    after = model.evaluate((questions, contexts), places, return_dict=True)
    assert list(after) == ["loss", "f1", "exact_match"]
    assert after["loss"] < before["loss"] - 0.5
    assert model.call(model.task.features({"question": ["a"], "context": ["b"]}))[0].dtype == "float32"


def test_a_dataset_gives_places_as_characters(trained):
    strings = {"question": QUESTIONS, "context": CONTEXTS}
    places = [
        [context.find(text), context.find(text) + len(text)] for text, context in zip(ANSWERS, CONTEXTS, strict=True)
    ]
    places[ANSWERS.index("")] = [-1, -1]
    data = tf.data.Dataset.from_tensor_slices((strings, places)).batch(4)
    loss = trained.evaluate(data, return_dict=True, verbose=0)["loss"]
    assert loss == pytest.approx(trained.evaluate((QUESTIONS, CONTEXTS), ANSWERS, return_dict=True)["loss"], rel=1e-4)
    with pytest.raises(TypeError, match=r"the target of a Dataset is int \[B, 2\]"):
        trained.evaluate(tf.data.Dataset.from_tensor_slices((strings, ANSWERS)).batch(4), verbose=0)


def test_defaults_and_errors(tiny_checkpoint):
    model = QuestionAnswerer.from_checkpoint(tiny_checkpoint)
    assert (model.task.max_length, model.task.shared_tokens) == (128, 42)  # positions of the checkpoint, a third
    assert model.load_report.missing == ("qa_outputs/kernel", "qa_outputs/bias")
    with pytest.raises(ConfigError, match="no setting 'strid'; did you mean 'stride'"):
        QuestionAnswerer.from_checkpoint(tiny_checkpoint, strid=3)
    with pytest.raises(ConfigError, match="max_length 129 is more than the 128 tokens"):
        QuestionAnswerer.from_checkpoint(tiny_checkpoint, max_length=129)
    model.compile()
    with pytest.raises(DataError, match="row 1: no answer; give the setting unanswerable=True"):
        model.fit((["a", "b"], ["is it", "is it"]), ["it", ""])
    with pytest.raises(DataError, match="no column 'context'"):
        model.predict(["a question alone"])
