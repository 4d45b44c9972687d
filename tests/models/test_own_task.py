"""A task that the package does not know, by "module:Class" and registered: trained, saved, loaded, exported, commanded."""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_task import KINDS, PassageScorer

import tfbert
from tfbert.errors import ConfigError
from tfbert.export.folder import export
from tfbert.models import model_class
from tfbert.tasks import registry

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
ROWS = [
    ("where is my parcel", ["your parcel is on the way", "refund"], 0, ["answer", "other"]),
    ("refund please", ["the lamp", "your order", "we refund your money"], 2, ["other", "other", "answer"]),
    ("is it late", ["it is late", "no"], 0, ["answer", "other"]),
] * 4
COLUMNS = dict(zip(("query", "passages", "label", "kinds"), map(list, zip(*ROWS, strict=True)), strict=True))
QUESTIONS = {name: COLUMNS[name][:3] for name in ("query", "passages")}


@pytest.fixture
def registered():
    tfbert.register(PassageScorer)
    yield
    registry._registered.pop("passage_scorer")


@pytest.fixture(scope="module")
def trained(tiny_checkpoint):
    keras.utils.set_random_seed(0)
    model = model_class("toy_task:PassageScorer").from_checkpoint(tiny_checkpoint)
    assert model.load_report.missing == ("relevance/kernel", "relevance/bias", "kinds/kernel", "kinds/bias")
    model.compile(tfbert.AdamW(3e-3), accumulation=2)
    table = tfbert.data.Table.from_columns(COLUMNS)
    losses = model.fit(table, batch_size=4, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert model.evaluate(table, return_dict=True, verbose=0)["accuracy"] == 1.0
    return model


def test_a_call_gives_both_outputs_by_name(trained):
    features = trained.task.features({name: tfbert.data.columns.tensor(values) for name, values in QUESTIONS.items()})
    outputs = trained(features)
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {"relevance": (9, 1), "kinds": (9, 2)}
    assert {name: value.shape for name, value in trained.predict(features, verbose=0).items()} == {
        name: tuple(value.shape) for name, value in outputs.items()
    }


def test_saved_with_its_class(trained, tmp_path):
    wanted = trained.predict(QUESTIONS)
    assert [row["best"] for row in wanted] == [0, 2, 0] and wanted[1]["kinds"] == ["other", "other", "answer"]
    trained.save(tmp_path / "saved")
    saved = json.loads((tmp_path / "saved/config.json").read_text())["tfbert"]
    assert saved == {
        "task": "passage_scorer",
        "class": "toy_task:PassageScorer",
        "settings": {"kinds": list(KINDS), "max_length": 64, "columns": {}},
    }


def test_registered_by_its_name(registered, trained, tmp_path):
    assert registry.task_class("passage-scorer") is PassageScorer
    assert model_class("passage_scorer") is type(trained)
    with pytest.raises(ConfigError, match="no task 'passage_score'; did you mean 'passage_scorer'"):
        model_class("passage_score")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent_module:Task", "cannot be imported .*: run the command in the folder of absent_module"),
        ("toy_task:Absent", "toy_task has no such class"),
        ("toy_task:ScorerLoss", "it is no subclass of tfbert.tasks.task.Task"),
        ("clasification", "did you mean 'classification'"),
    ],
)
def test_unknown_tasks(name, message):
    with pytest.raises(ConfigError, match=message):
        model_class(name)


def test_what_cannot_be_registered():
    with pytest.raises(ConfigError, match="a task is a subclass"):
        tfbert.register(dict)
    with pytest.raises(ConfigError, match="tfbert has a task 'classification' of its own"):
        tfbert.register(type("Mine", (PassageScorer,), {"name": "classification"}))


@pytest.mark.slow
def test_exported_in_three_formats(trained, tmp_path):
    table = tfbert.data.Table.from_columns(COLUMNS)
    variants = export(trained, tmp_path / "mine", table=table, precisions=["float32"])
    assert [variant.format for variant in variants] == ["saved_model", "lite", "onnx"]
    golden = json.loads((tmp_path / "mine/golden.json").read_text())["cases"]["serving_default"]
    assert np.shape(golden["inputs"]["passages"]) == (24, 3) and golden["outputs"].keys() == {"relevance", "kinds"}
    served = tf.saved_model.load(str(tmp_path / "mine/1")).signatures["serving_default"]
    answer = served(
        query=tf.constant(QUESTIONS["query"]), passages=tf.ragged.constant(QUESTIONS["passages"]).to_tensor()
    )
    assert answer["best"].numpy().tolist() == [0, 2, 0]
    card = (tmp_path / "mine/README.md").read_text()
    assert "`relevance` float32 [B, 1], `kinds` float32 [B, C]" in card


@pytest.mark.slow
def test_in_every_command(tiny_checkpoint, tmp_path):
    """In processes that know the task by its module alone."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(*arguments):
        command = [sys.executable, "-m", "tfbert.launch.main", *arguments]
        result = subprocess.run(command, cwd=SUPPORT, capture_output=True, text=True, timeout=600)
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    run(
        *("finetune", "--task=toy_task:PassageScorer", f"--checkpoint={tiny_checkpoint}", f"--out={tmp_path}/run"),
        *(f"--train={tmp_path}/train.jsonl", f"--dev={tmp_path}/train.jsonl", "--config.epochs=2"),
        "--config.max_length=64",
    )
    metrics = json.loads(run("evaluate", f"--model={tmp_path}/run", f"--data={tmp_path}/train.jsonl"))
    assert metrics.keys() == {"loss", "accuracy"}
    answers = run("predict", f"--model={tmp_path}/run", f"--data={tmp_path}/train.jsonl").splitlines()
    assert len(answers) == 12 and json.loads(answers[0]).keys() >= {"query", "passages", "best", "relevance"}
    run("export", f"--model={tmp_path}/run", f"--out={tmp_path}/served/1")
    assert (tmp_path / "served/1/saved_model.pb").exists()
