"""Answers from an export's LiteRT or ONNX file, in place of the model's own network."""

import json

import models
import numpy as np
import pytest
from absl import logging

from tfbert import TextClassifier
from tfbert.bulk.engine import NetworkFile, verified
from tfbert.bulk.predict import answered, predict_into
from tfbert.data.table import Table
from tfbert.errors import DataError, ExportError
from tfbert.export.lite import write_lite
from tfbert.export.onnx.files import write_onnx

TEXTS = [f"order {i} " + "came late and broken " * (i % 7) for i in range(50)]


def exported(model, folder, engine):
    """The folder of an export, with the network's file alone."""
    if engine == "onnx":
        write_onnx(model, folder / "onnx", ["float32"])
    else:
        write_lite(model, folder / "lite", ["float32"], known=())
    return folder


def answers_of_file(model, file, table):
    model.only_predicts(2, file)
    (found,) = (answered(model, each) for each in verified([table], file, model))
    model.only_predicts()
    return found


def near(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if isinstance(value, (float, list)) and np.asarray(value).dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)
        elif isinstance(value, dict):
            near(found[name], value)


@pytest.mark.parametrize(("task", "engine"), [("classification", "litert"), ("token_classification", "onnx")])
def test_answers_are_the_models(tiny_checkpoint, tmp_path, caplog, task, engine):
    model = models.model_of(task, tiny_checkpoint)
    folder = exported(model, tmp_path / "served", engine)
    file = NetworkFile(folder, engine, model.task.outputs, callers=2)
    assert file.precision == "float32"
    table = Table.from_columns({"text": TEXTS})
    wanted = answered(model, table)
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        found = answers_of_file(model, file, table)
    assert "16 rows of" in caplog.text and "as the model's" in caplog.text
    for one, other in zip(found, wanted, strict=True):
        near(one, other)
    assert answered(model, table) == wanted  # the model's own network again


def test_a_file_of_another_model_is_refused_before_an_answer(model, tiny_checkpoint, tmp_path):
    other = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    for weight in other.weights:
        weight.assign(-3 * weight)
    file = NetworkFile(exported(other, tmp_path / "served", "onnx"), "onnx", model.task.outputs, callers=1)
    with pytest.raises(ExportError, match=r"model\.onnx, 16 rows of .*is it of another model"):
        next(verified([Table.from_columns({"text": TEXTS})], file, model))


def test_rows_that_cannot_be_read_are_not_compared(model, tmp_path):
    file = NetworkFile(exported(model, tmp_path / "served", "onnx"), "onnx", model.task.outputs, callers=1)
    tables = [Table.from_columns({"text": texts}) for texts in ([], [None, 3.5], [None, *TEXTS])]
    model.only_predicts(1, file)
    rows = [answered(model, table, report_bad_rows=True) for table in verified(tables, file, model)]
    with pytest.raises(DataError, match="row 0"):
        answered(model, tables[1])
    model.only_predicts()
    assert [len(each) for each in rows] == [0, 2, 51] and "error" in rows[2][0] and "label" in rows[2][1]


def test_an_interrupted_file_is_not_continued_with_another_engine(model, tmp_path, caplog):
    file = NetworkFile(exported(model, tmp_path / "served", "onnx"), "onnx", model.task.outputs, callers=1)
    out, tables = (
        tmp_path / "answers.jsonl",
        [Table.from_columns({"text": TEXTS[i : i + 10]}) for i in range(0, 50, 10)],
    )

    def interrupted():
        yield tables[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_into(out, model, interrupted())
    model.only_predicts(1, file)
    try:
        predict_into(out, model, tables)
    finally:
        model.only_predicts()
    assert "another model or other settings" in caplog.text
    assert len([json.loads(line) for line in out.read_text().splitlines()]) == 50


def test_files_that_are_missing_or_damaged(model, tmp_path):
    axes = model.task.outputs
    with pytest.raises(ExportError, match="has no .*model_int8.tflite.*--formats=lite"):
        NetworkFile(tmp_path, "litert", axes, callers=1)
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx/model.onnx").write_bytes(b"none")
    with pytest.raises(ExportError, match="model.onnx: cannot be opened"):
        NetworkFile(tmp_path, "onnx", axes, callers=1)


def test_training_takes_the_models_own_network_again(tiny_checkpoint):
    model = TextClassifier.from_checkpoint(tiny_checkpoint, labels=["a", "b"])
    wanted = model.predict(TEXTS[:3], verbose=0)

    def stand_in(features):
        return {"logits": np.tile(np.float32([[-30, 30]]), (len(features["token_ids"]), 1))}

    model.only_predicts(1, stand_in)
    assert [row["label"] for row in model.predict(TEXTS[:3], verbose=0)] == ["b"] * 3
    model.compile()
    for one, other in zip(model.predict(TEXTS[:3], verbose=0), wanted, strict=True):
        near(one, other)
