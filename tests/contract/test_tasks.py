"""What every task does: a row of `table.TASKS` is all that a new one adds here."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from models import arrays, example_of, hard_rows, settings_of, without_rows

import tfbert
from tfbert.errors import ConfigError, DataError
from tfbert.models import model_class
from tfbert.tasks.task import TrainableTask


def as_json(task):
    """All of a task; a `Tokenizer` is equal to itself alone."""
    return {"settings": task.settings(), "tokenizer": task.tokenizer.get_config()}


def same(one, other, atol=1e-5):
    """Nested answers that are equal, and numbers that are near."""
    assert type(one) is type(other) or isinstance(one, (int, float))
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key], atol)
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right, atol)
    else:
        assert one == pytest.approx(other, abs=atol) if isinstance(one, float) else one == other


# settings


def test_settings_round_trip(case):
    task = case.model.task
    changed = type(task).from_settings({**task.settings(), **case.row.other}, task.tokenizer)
    assert all(getattr(changed, name) == value for name, value in case.row.other.items())
    for one in (task, changed):
        again = type(task).from_settings(json.loads(json.dumps(one.settings())), task.tokenizer)
        assert again == one
        assert all(type(value) is type(getattr(one, name)) for name, value in vars(again).items())


def test_wrong_settings(case, tiny_checkpoint):
    kind = model_class(case.row.task)
    name, given = kind.task_class.name, settings_of(case.row)
    for wrong, message in (
        ({"max_lenght": 3}, f"task {name} has no setting 'max_lenght'; did you mean 'max_length'"),
        ({"max_length": "8"}, f"max_length of task {name} must be an integer, not '8'"),
        ({"max_length": 129}, "max_length 129 is more than the 128 tokens of"),
        *case.row.bad,
    ):
        with pytest.raises(ConfigError, match=message):
            kind.from_checkpoint(tiny_checkpoint, **{**given, **wrong})
    with pytest.raises(ConfigError, match="did you mean 'max_length'"):
        kind.task_class.settings_for(case.table, max_lenght=3)


# training and prediction


def test_trains_and_evaluates(case):
    model = case.model
    if not isinstance(model.task, TrainableTask):
        with pytest.raises(ConfigError, match=f"{model.task.name} has none; it can predict"):
            model.evaluate(tfbert.data.Table.from_columns(case.row.questions))
        return
    assert np.isfinite(case.losses).all() and np.mean(case.moved) > 0.5
    values = model.evaluate(case.table, return_dict=True, verbose=0)
    assert list(values)[0] == "loss" and len(values) > 1
    assert all(isinstance(value, float) for value in values.values())


def test_answers_any_number_of_rows(case):
    size = len(next(iter(case.row.questions.values())))
    assert len(case.answers) == size
    assert json.loads(json.dumps(case.answers)) == case.answers
    assert case.model.predict({name: [] for name in case.row.questions}) == []
    alone = [case.model.predict({name: values[i : i + 1] for name, values in case.row.questions.items()})[0] for i in range(size)]
    same(alone, case.answers)


def test_a_missing_column_is_named(case):
    for name in case.model.task.text_inputs:
        others = {other: values for other, values in case.row.questions.items() if other != name}
        rows = tfbert.data.Table.from_columns({**others, "something": ["a"] * 3})
        with pytest.raises(DataError, match=f"no column '{name}'"):
            case.model.task.examples(rows.select(range(2)), labelled=False)


# disk


def test_a_saved_folder(case):
    config = json.loads((case.saved / "config.json").read_text())
    assert config["architectures"] == [f"BertFor{case.row.head}" if case.row.head else "BertModel"]
    assert config["tfbert"]["task"] == case.model.task.name
    again = tfbert.load(case.saved)
    assert type(again) is type(case.model) and not again.load_report.missing
    assert type(again.task) is type(case.model.task) and as_json(again.task) == as_json(case.model.task)
    assert again.predict(case.row.questions) == case.answers
    features = case.model.encoder.keras_inputs()
    ids = {name: np.ones((1, 4), "int32") for name in features}
    np.testing.assert_array_equal(
        tfbert.Encoder.from_checkpoint(case.saved)(ids)["sequence_output"], case.model.encoder(ids)["sequence_output"]
    )
    assert tfbert.Tokenizer.from_checkpoint(case.saved).get_config() == case.model.task.tokenizer.get_config()


def test_a_keras_file(case):
    path = case.folder / "model.keras"
    case.model.save(path)
    again = keras.models.load_model(path)
    assert type(again.task) is type(case.model.task) and as_json(again.task) == as_json(case.model.task)
    for ours, theirs in zip(again.get_weights(), case.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.predict(case.row.questions) == case.answers
    assert again.optimizer.get_config() == case.model.optimizer.get_config()  # compiled as before
    if isinstance(again.task, TrainableTask):
        assert again.loss.get_config() == case.model.loss.get_config()


# exports


def test_the_served_graph_answers_as_predict(case, runtime):
    task, folder = case.model.task, case.exported / "1"
    answer = runtime.ask(folder, arrays(case.row.questions, task.signatures["serving_default"]))
    same(task.readable(answer), case.answers)


def test_the_served_graph_takes_all_that_its_signatures_do(case, runtime):
    """No rows, empty, huge and broken texts, and the texts of the golden examples."""
    task = case.model.task
    for name, signature in task.signatures.items():
        golden = task.golden_inputs(name)
        empty = without_rows(signature)
        for inputs in (empty, hard_rows(golden), {column: values[:4] for column, values in golden.items()}):
            found = runtime.ask(case.exported / "1", inputs, name)
            rows = len(next(iter(inputs.values())))
            assert all(len(value) == rows for value in found.values())
            wanted = case.model.answer({column: tf.constant(value, signature[column].dtype) for column, value in inputs.items()})
            assert found.keys() == wanted.keys()
            for key, value in wanted.items():
                if value.dtype.is_floating:
                    assert np.isfinite(found[key]).all(), key
                    np.testing.assert_allclose(found[key], value, atol=1e-5, err_msg=f"{name} {key}")
                else:
                    np.testing.assert_array_equal(found[key], value, err_msg=f"{name} {key}")


def test_every_file_was_checked(case):
    """An export compares each file with the model before it is kept; its record names all of them."""
    golden = json.loads((case.exported / "golden.json").read_text())
    signatures = set(case.model.task.signatures)
    assert set(golden["cases"]) == signatures
    found = {row["file"]: row["largest_difference"] for row in golden["checked"]}
    assert set(found) == {"1", "lite/model.tflite", "onnx/model.onnx"}
    for file in ("lite/model.tflite", "onnx/model.onnx"):
        assert signatures <= found[file].keys()
        assert all(difference < 1e-4 for difference in found[file].values())
        assert (case.exported / file).stat().st_size > 0
    for name in signatures:
        outputs = golden["cases"][name]["outputs"]
        named = outputs if isinstance(outputs, dict) else {next(iter(case.model.task.outputs)): outputs}
        assert named.keys() == set(case.model.task.outputs)


def test_features_are_the_same_in_a_graph(case):
    task = case.model.task
    example = example_of(case.row.questions)
    eager = task.features(example)
    assert {"token_ids", "padding_mask"} <= eager.keys()
    traced = tf.function(task.features)(example)
    for name, values in eager.items():
        np.testing.assert_array_equal(traced[name], values, err_msg=name)
    assert eager["token_ids"].shape[1] <= task.max_length
