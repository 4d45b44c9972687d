"""A run: its folder, its report, and going on after an interruption."""

import functools
import json
import os
import resource
import signal

import keras
import numpy as np
import pytest
import safetensors.numpy

import tfbert
from tfbert import TextClassifier
from tfbert.data.batching.batches import Batches
from tfbert.errors import CheckpointError, ConfigError, DiskError, Preempted
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.data_check import check_data
from tfbert.runs.finetune import finetune
from tfbert.runs.folder import locked_run_folder
from tfbert.runs.logs.history_file import read_history


class Killed(Exception):
    pass


class Stop(keras.callbacks.Callback):
    """Ends the process, as it were, after a step: by an exception or by a signal."""

    def __init__(self, step, number=None):
        super().__init__()
        self.left, self.number = step, number

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0 and self.number is None:
            raise Killed
        if self.left == 0:
            for _ in range(2 if self.number == signal.SIGTERM else 1):  # to the process and to its group, as `timeout`
                os.kill(os.getpid(), self.number)


@pytest.fixture(scope="module")
def run_in(shop, tiny_checkpoint):
    """Runs `finetune` on a piece of the sample, as the launcher does; `stop` interrupts it."""

    def run(folder, out="run", stop=None, rows=range(60), **changes):
        config = FinetuneConfig.from_dict(
            {
                "checkpoint": str(tiny_checkpoint),
                "train": "train.tsv",
                "dev": "dev.tsv",
                "out": str(folder / out),
                "max_length": 32,
                "batch_size": 8,
                "epochs": 2,
                "learning_rate": 3e-3,
                "save_every": 3,
                "log_every": 2,
                **changes,
            }
        )
        keras.utils.set_random_seed(config.seed)
        table = tfbert.data.read(shop / "dev.tsv")
        settings = TextClassifier.task_class.settings_for(table, max_length=config.max_length, **config.settings)
        model = TextClassifier.from_checkpoint(config.checkpoint, **settings)
        examples, chosen = (model.task.examples(table.select(part)) for part in (range(60), rows))
        train = Batches(chosen, model.task.features, model.task.target, batch_size=8, seed=config.seed)
        dev = Batches(examples, model.task.features, model.task.target, batch_size=8, shuffle=False)
        if stop is not None:
            fit = model.fit

            def interrupted(*args, callbacks, **kwargs):
                return fit(*args, callbacks=[*callbacks, stop], **kwargs)

            model.fit = interrupted
        return finetune(model, train, dev, config)

    return run


@pytest.fixture
def run(run_in, tmp_path):
    return functools.partial(run_in, tmp_path)


@pytest.fixture(scope="module")
def whole(run_in, tmp_path_factory):
    """The folder of a run that nothing interrupts; no test changes it."""
    folder = tmp_path_factory.mktemp("whole")
    run_in(folder)
    return folder / "run"


def weights(folder):
    return [np.asarray(value) for value in tfbert.load(folder).network.get_weights()]


def test_the_run_folder(run_in, whole):
    folder = whole
    metrics = json.loads((folder / "dev_metrics.json").read_text())
    assert sorted(path.name for path in folder.iterdir()) == [
        *("config.json", "data.json", "dev_metrics.json", "finished.json"),
        *("metrics.jsonl", "model", "report.html", "tensorboard"),
    ]
    assert FinetuneConfig.from_dict(json.loads((folder / "config.json").read_text())).epochs == 2
    history = read_history(folder / "metrics.jsonl")
    assert [row["step"] for row in history if "loss" in row] == [2, 4, 6, 8, 10, 12, 14, 16]
    evaluations = [row for row in history if "val_loss" in row]
    assert [row["epoch"] for row in evaluations] == [1.0, 2.0]
    assert max(row["val_accuracy"] for row in evaluations) == metrics["accuracy"]
    assert evaluations[0]["val_loss"] < 1.8
    assert all(row["tokens_per_second"] > 0 for row in history if "loss" in row)
    assert any((folder / "tensorboard").iterdir())
    assert run_in(whole.parent) == metrics  # done already: nothing is trained again
    assert read_history(folder / "metrics.jsonl") == history
    with pytest.raises(ConfigError, match="train.tsv has changed"):
        run_in(whole.parent, rows=range(59))


def comparable(history):
    return [{key: value for key, value in row.items() if key != "tokens_per_second"} for row in history]


def test_a_finished_run_can_be_made_longer_where_its_checkpoints_are_kept(run, tmp_path, caplog):
    run(epochs=1, keep_checkpoints=True)
    first = read_history(tmp_path / "run/metrics.jsonl")
    with pytest.raises(ConfigError, match=r"\(epochs was 1, now 2, seed was 0, now 1\); name another --out"):
        run(epochs=2, seed=1)
    with pytest.raises(Killed):
        run(epochs=2, stop=Stop(4))
    assert (
        "is made longer: epochs was 1, now 2. From here on the learning rate is that of the longer run" in caplog.text
    )
    run(epochs=2)
    history = read_history(tmp_path / "run/metrics.jsonl")
    assert comparable(history[: len(first)]) == comparable(first)
    rates = {row["step"]: row["learning_rate"] for row in history if "loss" in row}
    longer = tfbert.LinearWarmup(3e-3, total_steps=16)
    assert rates[8] == 0
    for step in (10, 12, 14, 16):
        assert rates[step] == pytest.approx(float(longer(step)), abs=1e-9)
    assert not (tmp_path / "run/checkpoints").exists()
    with pytest.raises(
        ConfigError,
        match=r"\(epochs was 2, now 5\); it is finished and its checkpoints are removed. "
        r"Train its model on in another run, --checkpoint=.*run/model --config.epochs=3 .*keep_checkpoints=True",
    ):
        run(epochs=5)


ROUNDS = {"evaluate_every": 5, "save_every": 2}


def test_evaluation_within_an_epoch(run, whole, tmp_path):
    metrics = run(**ROUNDS)
    history = read_history(tmp_path / "run/metrics.jsonl")
    evaluations = [row for row in history if "val_loss" in row]
    assert [(row["step"], row["epoch"]) for row in evaluations] == [(5, 0.625), (10, 1.25), (15, 1.875), (16, 2.0)]
    assert max(row["val_accuracy"] for row in evaluations) == metrics["accuracy"]
    # Training does not depend on when it is looked at: the last weights are those of a run by epochs.
    assert history[-1]["val_loss"] == read_history(whole / "metrics.jsonl")[-1]["val_loss"]


@pytest.mark.parametrize(("steps", "changes"), [((2, 9), {}), pytest.param((16,), ROUNDS, marks=pytest.mark.slow)])
def test_a_resumed_run_equals_an_uninterrupted_one(run, whole, tmp_path, steps, changes):
    """Killed before the first checkpoint, at the end of an epoch, right after it, within one, in a short last round."""
    if changes:
        run("other", **changes)
        whole = tmp_path / "other"
    metrics = json.loads((whole / "dev_metrics.json").read_text())
    for step in steps:
        with pytest.raises(Killed):
            run(f"cut{step}", stop=Stop(step), **changes)
        assert run(f"cut{step}", **changes) == metrics
        for one, other in zip(weights(whole), weights(tmp_path / f"cut{step}"), strict=True):
            np.testing.assert_array_equal(one, other)
        histories = [comparable(read_history(folder / "metrics.jsonl")) for folder in (whole, tmp_path / f"cut{step}")]
        assert histories[0] == histories[1]


def test_a_signal_saves_where_the_run_is(run, whole, tmp_path):
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    for number, steps, saved in zip(numbers, (4, 2), (5, 8), strict=True):  # the step after, on no multiple of 3
        with pytest.raises(KeyboardInterrupt) as raised:
            run("cut", stop=Stop(steps, number))
        assert raised.type is (Preempted if number == signal.SIGTERM else KeyboardInterrupt)
        assert (tmp_path / f"cut/checkpoints/ckpt-{saved}.index").exists()
    assert [signal.getsignal(number) for number in numbers] == before
    run("cut")
    histories = [comparable(read_history(folder / "metrics.jsonl")) for folder in (whole, tmp_path / "cut")]
    assert histories[0] == histories[1]  # also of the interval of the log in which the run was cut
    for one, other in zip(weights(whole), weights(tmp_path / "cut"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_other_settings_are_refused(run, tmp_path):
    metrics = run(epochs=1)
    with pytest.raises(ConfigError, match=r"holds a run with other settings \(epochs was 1, now 2\)"):
        run(epochs=2)
    # A run of an earlier version, which had fewer settings, goes on.
    path = tmp_path / "run/config.json"
    values = json.loads(path.read_text())
    del values["score"], values["evaluate_every"]
    path.write_text(json.dumps(values))
    assert run(epochs=1) == metrics


def test_changed_data_are_refused(run, tmp_path):
    """A row less, and the same rows in another order; with leave, the run goes on and notes what it was."""
    with pytest.raises(Killed):
        run(stop=Stop(4))
    known = json.loads((tmp_path / "run/data.json").read_text())
    assert known["train"]["rows"] == known["dev"]["rows"] == 60
    with pytest.raises(
        ConfigError, match=r"train\.tsv has changed \(60 rows, 59 now\)\. Put them back, .*allow_changed"
    ):
        run(rows=range(59))
    with pytest.raises(ConfigError, match=r"other data: train\.tsv has changed\. "):
        run(rows=[1, 0, *range(2, 60)])
    with pytest.raises(ConfigError, match="other data: the tokenizer of .* has changed"):
        check_data(tmp_path / "run", {**known, "tokenizer": {**known["tokenizer"], "sha256": ""}}, allow_changed=False)
    run(rows=range(59), allow_changed_data=True)
    now = json.loads((tmp_path / "run/data.json").read_text())
    assert now["train"]["rows"] == 59
    assert now["changes"] == [{"after_step": 3, "before": {"train": known["train"]}}]
    with pytest.raises(ConfigError, match=r"train\.tsv has changed \(59 rows, 60 now\)"):
        run()


def test_a_folder_that_another_run_writes_is_refused(run, tmp_path):
    with locked_run_folder(tmp_path / "run"), pytest.raises(DiskError, match="another program trains in .*run; wait"):
        run()
    assert not list((tmp_path / "run").iterdir())


def test_a_folder_of_somebody_else_is_refused(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.tex").write_text("years")
    with pytest.raises(ConfigError, match="is not empty and holds no run"):
        run()


_SLOW = [pytest.param(how, marks=pytest.mark.slow) for how in ("truncated", "absent", "checksums")]


@pytest.mark.parametrize("how", ["a bit", *_SLOW])
def test_a_damaged_checkpoint_is_left_for_the_one_before(run, whole, tmp_path, caplog, how):
    """The run ends as an uninterrupted one, which the checkpoint before, of step 8, leads to as well."""
    with pytest.raises(Killed):
        run(stop=Stop(10))
    checkpoints = tmp_path / "run/checkpoints"
    assert sorted(path.name for path in checkpoints.glob("*.sha256")) == ["ckpt-8.sha256", "ckpt-9.sha256"]
    data = checkpoints / "ckpt-9.data-00000-of-00001"
    sound = data.read_bytes()
    if how == "truncated":
        data.write_bytes(sound[: len(sound) // 2])
    elif how == "a bit":
        data.write_bytes(sound[:5000] + bytes([sound[5000] ^ 1]) + sound[5001:])
    elif how == "absent":
        data.unlink()
    else:
        (checkpoints / "ckpt-9.sha256").write_text('{"ckpt-9.ind')
    with pytest.raises(Killed):
        run(stop=Stop(1))
    assert "ckpt-9 is damaged" in caplog.text and "looking for the one before" in caplog.text
    if how == "a bit":
        run()
        for one, other in zip(weights(whole), weights(tmp_path / "run"), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_full_disk_keeps_the_checkpoint_before(run, whole, tmp_path):
    with pytest.raises(Killed):
        run(stop=Stop(4))
    checkpoints = tmp_path / "run/checkpoints"
    before = {path.name: path.read_bytes() for path in checkpoints.glob("ckpt-3.*")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # no file may be longer, as on a full disk
    try:
        with pytest.raises(DiskError, match=r"could not write a checkpoint to .*the run resumes from .*ckpt-3"):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in checkpoints.glob("ckpt-3.*")} == before
    run()
    for one, other in zip(weights(whole), weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_whole_checkpoint(run, tmp_path):
    with pytest.raises(Killed):
        run(stop=Stop(4))
    data = next((tmp_path / "run/checkpoints").glob("ckpt-3.data*"))
    data.write_bytes(b"")
    with pytest.raises(CheckpointError, match="no checkpoint in .*checkpoints is whole; remove it to start again"):
        run()


def test_early_stopping_keeps_the_best_epoch(run, tmp_path):
    run(epochs=9, patience=1, learning_rate=0.0)  # no evaluation is better than the first
    evaluations = [row for row in read_history(tmp_path / "run/metrics.jsonl") if "val_loss" in row]
    assert len(evaluations) == 2


@pytest.mark.slow  # tests/launch/test_cli.py asks the same of the command
def test_a_metric_that_dev_does_not_have_is_told_before_there_is_a_run(run, tmp_path):
    with pytest.raises(ConfigError, match="no dev metric 'f1'; there are loss, accuracy, macro_f1, matthews"):
        run(metric="f1")  # which six labels do not have
    run(metric="macro_f1", epochs=1)
    assert "macro_f1" in json.loads((tmp_path / "run/dev_metrics.json").read_text())


def test_thresholds_are_chosen_on_dev(run, tmp_path):
    run(settings={"problem": "multi_label"}, epochs=1)
    assert len(set(tfbert.load(tmp_path / "run").task.thresholds) - {0.5}) > 1


def test_a_best_model_that_lost_a_tensor_is_not_evaluated(run, tmp_path):
    run(epochs=1)
    path = tmp_path / "run/model/model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    safetensors.numpy.save_file({name: tensors[name] for name in tensors if "classifier" not in name}, path)
    with pytest.raises(CheckpointError, match=r"run/model lacks classifier/kernel, classifier/bias"):
        run(epochs=1)
