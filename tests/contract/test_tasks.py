"""What every task does: a row of `table.TASKS` is all that a new one adds here."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import models
import numpy as np
import pytest
import tensorflow as tf
from models import arrays, example_of, hard_rows, settings_of, without_rows
from table import TASKS

import tfbert
from tfbert.encoders import families
from tfbert.errors import ConfigError, DataError
from tfbert.models import model_class
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.finetune import batches_of
from tfbert.tasks.task import TrainableTask, check_trainable


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
        kind.task_class.settings_for(
            tfbert.data.Table.from_columns(case.row.columns or case.row.questions), max_lenght=3
        )


# training and prediction


def test_trains_and_evaluates(case):
    model = case.model
    if not isinstance(model.task, TrainableTask):
        with pytest.raises(ConfigError, match=f"{model.task.name} has none; it can predict"):
            check_trainable(model.task, "training")
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
    alone = [
        case.model.predict({name: values[i : i + 1] for name, values in case.row.questions.items()})[0]
        for i in range(size)
    ]
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
    assert config["architectures"] == [families.family(case.row.model_type).architecture(case.row.head)]
    assert config["tfbert"]["task"] == case.model.task.name
    names = case.model.task.logit_names
    assert config.get("id2label", {}) == {str(i): name for i, name in enumerate(names)}
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
        configs = [{**one.loss.get_config(), "name": ""} for one in (again, case.model)]
        assert configs[0] == configs[1]
        again.fit(case.table, verbose=0)


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
            wanted = case.model.answer(
                {column: tf.constant(value, signature[column].dtype) for column, value in inputs.items()}
            )
            assert found.keys() == wanted.keys()
            for key, value in wanted.items():
                if value.dtype.is_floating:
                    assert np.isfinite(found[key]).all(), key
                    np.testing.assert_allclose(found[key], value, atol=1e-5, err_msg=f"{name} {key}")
                elif key == "choice":  # of two that are equally likely, the last digit decides
                    np.testing.assert_array_equal(found[key] < 0, value < 0)
                    ours, theirs = (
                        np.take_along_axis(wanted["probabilities"].numpy(), np.maximum(choice, 0)[:, None], 1)
                        for choice in (found[key], value)
                    )
                    np.testing.assert_allclose(ours, theirs, atol=1e-5)
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


# batches of one shape


def trained(row, checkpoint, *, static, jit_compile=False, accumulation=1, steps=5):
    """Weights after some steps, the losses' mean, and answers to all of the data; batches are of 2, of 2, of 1."""
    kind, table = model_class(row.task), tfbert.data.Table.from_columns(row.columns)
    keras.utils.set_random_seed(0)
    model = kind.from_checkpoint(checkpoint, **settings_of(row))
    for layer in model._flatten_layers():  # dropout's masks have the batch's shape
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    config = FinetuneConfig(
        task=row.task,
        batch_size=2,
        static_shapes=static,
        accumulation=accumulation,
        max_length=model.task.max_length,
    )
    batches = batches_of(model.task.examples(table, training=True), model, config)
    model.compile(
        keras.optimizers.SGD(0.1, global_clipnorm=1.0), metrics=[], accumulation=accumulation, jit_compile=jit_compile
    )
    dataset = model.on_all_replicas(batches, 0)
    if static:
        assert all(spec.shape.is_fully_defined() for spec in tf.nest.flatten(dataset.element_spec))
    loss = model.fit(dataset, steps_per_epoch=steps, epochs=1, verbose=0).history["loss"][0]
    return [np.array(value) for value in model.get_weights()], loss, model.evaluate_answers(batches)


QUICK = "token_classification"  # one of them is tested with all others
TRAINED = {name: row for name, row in TASKS.items() if row.columns}


@pytest.mark.parametrize(
    "name",
    [
        name if name == QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name, row in TRAINED.items()
        if row.is_static
    ],
)
def test_a_static_batch_trains_as_any_other(name, tiny_checkpoint):
    """Rows that only fill up, parts of one shape, and the whole step compiled change nothing."""
    row = TASKS[name]
    weights, loss, (logs, answers) = trained(row, tiny_checkpoint, static=False)
    compiled = trained(row, tiny_checkpoint, static=True, jit_compile=True, accumulation=2)
    assert compiled[1] == pytest.approx(loss, abs=1e-5)
    for one, other in zip(weights, compiled[0], strict=True):
        np.testing.assert_allclose(other, one, atol=2e-6)
    assert compiled[2][0] == pytest.approx(logs, abs=1e-5, nan_ok=True)
    assert compiled[2][1].keys() == answers.keys()
    for key, values in answers.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(compiled[2][1][key], values, atol=1e-5, err_msg=key)
        else:
            np.testing.assert_array_equal(compiled[2][1][key], values, err_msg=key)


@pytest.mark.parametrize("name", [name for name, row in TRAINED.items() if not row.is_static])
def test_a_task_whose_rows_belong_together_has_no_static_batches(name, tiny_checkpoint):
    row = TASKS[name]
    model = model_class(row.task).from_checkpoint(tiny_checkpoint, **settings_of(row))
    with pytest.raises(ConfigError, match=f"task {row.task} has no batches of static shape"):
        batches_of({}, model, FinetuneConfig(task=row.task, jit_compile=True))


# replicas

PROGRAM = pathlib.Path(models.__file__).with_name("on_replicas_of_table.py")


@pytest.mark.slow
def test_two_replicas_train_as_one_device(tiny_checkpoint, tmp_path):
    """All rows in one program each, as importing takes longest: weights after three epochs, and what they answer."""
    found, names = [], [name for name, row in TRAINED.items() if row.has_replicas]
    for strategy in ("one_device", "mirrored"):
        command = [sys.executable, PROGRAM, strategy, tiny_checkpoint, tmp_path / f"{strategy}.npz", *names]
        environment = {**os.environ, "PYTHONPATH": str(pathlib.Path(tfbert.__file__).parents[1])}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800)
        assert result.returncode == 0, result.stderr[-3000:]
        found.append(dict(np.load(tmp_path / f"{strategy}.npz")))
    one, two = found
    assert one.keys() == two.keys() and {key.split("/")[0] for key in one} == set(names)
    for key, value in one.items():
        # A correlation magnifies the roundings of its predictions.
        np.testing.assert_allclose(two[key], value, atol=1e-3 if key.endswith("/metrics") else 1e-5, err_msg=key)
