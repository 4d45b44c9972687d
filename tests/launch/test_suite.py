"""`tfbert suite`: several configs, one table, going on after an interruption; GLUE's configs on the published files."""

import gzip
import json
import os
import runpy
import signal
import statistics
import subprocess
import sys
import time

import pytest
from test_cli import REPOSITORY, tfbert

from tfbert import Tokenizer, data
from tfbert.models import model_class
from tfbert.runs.configs.finetune import FinetuneConfig

CONFIG = """
from tfbert.runs.configs.finetune import finetune_config

def get_config(folder=""):
    return finetune_config(train=f"{{folder}}/train.tsv", dev=f"{{folder}}/dev.tsv", max_length=32, epochs=1, {more})
"""


@pytest.fixture
def suite(tiny_checkpoint, tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/first.py").write_text(CONFIG.format(more="metric='matthews'"))
    (tmp_path / "configs/second.py").write_text(CONFIG.format(more="score=('macro_f1', 'accuracy')"))
    for name, rows in (("train", 64), ("dev", 32)):
        lines = (REPOSITORY / f"samples/shop/{name}.tsv").read_text(encoding="utf-8").splitlines()
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines[: rows + 1]) + "\n", encoding="utf-8")

    def run(*arguments):
        return tfbert(
            *("suite", f"--configs={tmp_path}/configs/*.py", f"--data={tmp_path}", f"--checkpoint={tiny_checkpoint}"),
            *(f"--out={tmp_path}/out", *arguments),
        )

    return run


def test_the_table(suite, tmp_path):
    result = suite("--seeds=0,3", "--set=learning_rate=0.001")
    assert result.returncode == 0, result.stderr[-3000:]
    heads, _, first, second, average = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (tmp_path / "out/results.md").read_text().splitlines()
    )
    assert heads == ["config", "metric", "seed 0", "seed 3", "mean", "standard deviation"]
    assert (first[:2], second[:2], average[0]) == (
        ["first", "matthews"],
        ["second", "macro_f1 and accuracy"],
        "average",
    )
    scores = json.loads((tmp_path / "out/results.json").read_text())
    run = tmp_path / "out/second/seed_3"
    metrics = json.loads((run / "dev_metrics.json").read_text())
    assert scores["second"]["3"] == statistics.fmean([metrics["macro_f1"], metrics["accuracy"]])
    assert json.loads((run / "config.json").read_text())["learning_rate"] == 0.001
    assert second[3:] == [
        f"{scores['second']['3']:.4f}",
        f"{statistics.fmean(scores['second'].values()):.4f}",
        f"{statistics.stdev(scores['second'].values()):.4f}",
    ]
    again = suite("--seeds=0,3", "--set=learning_rate=0.001")  # all is done: the table alone
    assert again.returncode == 0
    assert "[1/4]" in result.stdout and "[1/4]" not in again.stdout
    before = (tmp_path / "out/results.json").read_text()
    for arguments, changed in (
        (["--set=learning_rate=0.002"], "learning_rate was 0.001, now 0.002"),
        (["--set=learning_rate=0.001,settings.windows=true"], "settings was {}, now {'windows': True}"),
        (["--set=learning_rate=0.001", "--checkpoint=other"], "now 'other'"),
        (["--set=learning_rate=0.001", "--data=other"], "now 'other/train.tsv'"),
    ):
        other = suite(*arguments)
        assert other.returncode == 2 and not other.stdout
        error = other.stderr.splitlines()[-1]
        assert "out/first/seed_0 holds a run with other settings" in error and changed in error
    assert (tmp_path / "out/results.json").read_text() == before


SEVERAL = """
from tfbert.runs.configs.finetune import finetune_config

EXPERIMENTS = ("short", "long", "other")

def get_config(argument):
    name, _, folder = argument.partition(",")
    files = {"train": f"{folder}/train.tsv", "dev": f"{folder}/dev.tsv"}
    return finetune_config(**files, max_length={"short": 16, "long": 32}[name], epochs=1)
"""


@pytest.mark.slow
def test_experiments_of_one_file(suite, tmp_path):
    (tmp_path / "several.py").write_text(SEVERAL)
    result = suite(f"--configs={tmp_path}/several.py:s*,{tmp_path}/several.py:long")
    assert result.returncode == 0, result.stderr[-3000:]
    assert list(json.loads((tmp_path / "out/results.json").read_text())) == ["short", "long"]
    for name, length in (("short", 16), ("long", 32)):
        config = json.loads((tmp_path / f"out/{name}/seed_0/config.json").read_text())
        assert (config["max_length"], config["train"]) == (length, f"{tmp_path}/train.tsv")


def test_the_nine_tasks_of_glue(monkeypatch):
    """Each is a config that is read, on TFDS' data and on the published files."""
    from tfbert.launch import suite
    from tfbert.launch.config_flag import config_of

    monkeypatch.chdir(REPOSITORY)
    configs = suite._configs(["configs/glue.py:*"])
    assert [config.name for config in configs] == "cola mnli mrpc qnli qqp rte sst2 stsb wnli".split()
    for config in configs:
        of_tfds, published = (config_of([f"--config={config.with_data(f)}"]) for f in (None, "GLUE"))
        assert of_tfds.train == f"tfds:glue/{config.name}:train"
        assert published.train.startswith("GLUE/") and published.train.endswith("/train.tsv")
        assert published.column_names == (("source", "label", "star", "sentence") if config.name == "cola" else ())


def test_a_task_that_glue_does_not_have():
    result = tfbert("finetune", "--config=configs/glue.py:sst3", "--checkpoint=x", "--out=x")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "tfbert finetune: write configs/glue.py:TASK; the tasks are cola, mnli, mrpc, qnli, qqp, rte, sst2, stsb, wnli, "
        "not 'sst3'\n"
    )


@pytest.mark.slow
def test_a_run_that_fails_does_not_stop_the_others(suite, tmp_path):
    (tmp_path / "configs/second.py").write_text(CONFIG.format(more="text_column='message'"))
    result = suite()
    assert result.returncode == 2
    assert "no column 'message'" in result.stderr
    assert f"1 of 2 runs failed: {tmp_path}/out/second/seed_0" in result.stderr
    assert set(json.loads((tmp_path / "out/results.json").read_text())) == {"first"}


@pytest.mark.parametrize("to", [pytest.param("suite", marks=pytest.mark.slow), "group"])
@pytest.mark.slow
def test_sigterm_saves_the_run_and_ends_the_suite(tiny_checkpoint, suite, tmp_path, to):
    """Sent to the suite alone, or to all processes, as schedulers do; the next config is not begun."""
    command = [sys.executable, "-m", "tfbert.launch.main", "suite", f"--configs={tmp_path}/configs/*.py"]
    command += [f"--data={tmp_path}", f"--checkpoint={tiny_checkpoint}", f"--out={tmp_path}/out"]
    process = subprocess.Popen(
        [*command, "--set=epochs=9999,log_every=1"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    run = tmp_path / "out/first/seed_0"
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
        assert process.poll() is None
        time.sleep(0.05)
    (os.kill if to == "suite" else os.killpg)(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 42
    with pytest.raises(ProcessLookupError):  # nothing runs on
        os.killpg(process.pid, 0)
    saved = list((run / "checkpoints").glob("ckpt-*.index"))
    assert saved and not (tmp_path / "out/second").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--configs=nothing/*.py"], "no file is called nothing/*.py"),
        (["--configs=nothing.py:*"], "no file is called nothing.py"),
        (["--configs=configs/glue.py:sst3"], "has no experiment 'sst3'; its experiments are cola, mnli, mrpc, "),
        (["--configs=configs/shop.py:*"], "has no experiment '*'; it lists no EXPERIMENTS"),
        (["--configs=configs/mrpc.py,configs/glue.py:m*"], "two configs are called mrpc"),
        (["--seeds=one"], "--seeds=one: write numbers"),
        (["--set=epochs"], "--set=epochs: write NAME=VALUE"),
    ],
)
def test_mistakes(suite, arguments, message):
    result = suite(*arguments)
    assert result.returncode == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("name", "folder", "source", "rows"),
    [
        ("cola", "CoLA", "classification/cola", (8551, 1043)),
        ("mrpc", "MRPC", "classification/mrpc", (3668, 408)),
        ("sst2", "SST-2", "classification/sst2_glue", (67349, 872)),
    ],
)
def test_glue_as_published(name, folder, source, rows, data_dir, tiny_checkpoint, tmp_path):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "train.tsv").write_bytes(gzip.decompress(data_dir(f"{source}/train.tsv.gz").read_bytes()))
    (tmp_path / folder / "dev.tsv").write_bytes(data_dir(f"{source}/dev.tsv").read_bytes())
    get_config = runpy.run_path(str(REPOSITORY / "configs/glue.py"))["get_config"]
    assert get_config(name).train == f"tfds:glue/{name}:train"
    config = FinetuneConfig.from_dict(get_config(f"{name},{tmp_path}").to_dict())
    tables = [data.read(path, column_names=config.column_names) for path in (config.train, config.dev)]
    assert tuple(map(len, tables)) == rows
    task_class = model_class(config.task).task_class
    settings = task_class.settings_for(tables[0], columns=config.all_columns, max_length=config.max_length)
    assert settings["labels"] == ("0", "1")
    task = task_class(Tokenizer.from_folder(tiny_checkpoint), **settings)
    for table in tables:
        assert 0.3 < task.examples(table)["label"].mean() < 0.8
