"""Fine-tunes several configs, with several seeds, and writes a table of their scores on dev:

tfbert suite --configs='configs/glue.py:*' --checkpoint=DIR --out=runs/glue
tfbert suite --configs='configs/glue.py:*' --data=GLUE_DIR --seeds=0,1,2 --set=epochs=2 --checkpoint=DIR --out=runs/a
tfbert suite --configs='configs/s*.py,configs/glue.py:cola' --checkpoint=DIR --out=runs/b

A config file with several experiments lists their names in EXPERIMENTS; after a colon stands the name of one, or a
pattern. The same command resumes after an interruption; one with other settings needs another --out. --out gets a run
folder for each config and seed, results.md and results.json.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import pathlib
import runpy
import signal
import statistics
import subprocess
import sys

from absl import flags

from tfbert.errors import ConfigError, Preempted
from tfbert.files import read_json_object, replace_file, replace_json
from tfbert.launch import register_flag
from tfbert.launch.config_flag import config_of
from tfbert.launch.main import PREEMPTED
from tfbert.runs.configs.finetune import FinetuneConfig
from tfbert.runs.folder import check_run_folder

_CONFIGS = flags.DEFINE_list(
    "configs", None, "Config files, or FILE:EXPERIMENT; * and ** stand for any names.", required=True
)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Checkpoint folder or hub id.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder of the runs and the table.", required=True)
_SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds; each config runs with each.")
_DATA = flags.DEFINE_string("data", None, "Folder of the published files, for configs that read one instead of TFDS.")
_SET = flags.DEFINE_list("set", [], "NAME=VALUE: settings to change in every config, such as epochs=2.")


@dataclasses.dataclass(frozen=True)
class _Config:
    file: pathlib.Path
    experiment: str = ""  # of a file that holds several

    @property
    def name(self):
        return self.experiment or self.file.stem

    def with_data(self, folder):
        """What --config= takes."""
        argument = ",".join(filter(None, [self.experiment, folder]))
        return f"{self.file}:{argument}" if argument else str(self.file)


def main(argv: list[str]) -> None:
    configs, out = _configs(_CONFIGS.value), pathlib.Path(_OUT.value)
    for setting in _SET.value:
        if "=" not in setting:
            raise ConfigError(f"--set={setting}: write NAME=VALUE")
    if not all(seed.isdecimal() for seed in _SEEDS.value):
        raise ConfigError(f"--seeds={','.join(_SEEDS.value)}: write numbers between commas")
    runs = [(config, seed, out / config.name / f"seed_{seed}") for config in configs for seed in _SEEDS.value]
    for run in runs:
        _check_settings(*run)
    failed = []
    for number, (config, seed, folder) in enumerate(runs, 1):
        if not _done(folder):
            print(f"[{number}/{len(runs)}] {config.name}, seed {seed}", flush=True)
            if _finetune(config, seed, folder):
                failed.append(folder)
        _write_table(out, runs)
    print((out / "results.md").read_text(encoding="utf-8"), end="")
    if failed:
        raise ConfigError(f"{len(failed)} of {len(runs)} runs failed: {', '.join(map(str, failed))}; see above")


def _configs(patterns):
    configs = []
    for pattern in patterns:
        files, _, experiment = pattern.partition(":")
        found = [_Config(pathlib.Path(name)) for name in sorted(glob.glob(files, recursive=True))]
        if not found:
            raise ConfigError(f"--configs: no file is called {files}")
        if experiment:
            found = [one for config in found for one in _experiments(config.file, experiment)]
        configs += [config for config in found if config not in configs]
    names = [config.name for config in configs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"--configs: two configs are called {twice}; each needs a run folder of its own")
    return configs


def _experiments(file, pattern):
    names = list(runpy.run_path(str(file)).get("EXPERIMENTS", ()))
    chosen = fnmatch.filter(names, pattern)
    if not chosen:
        there = f"its experiments are {', '.join(names)}" if names else "it lists no EXPERIMENTS"
        raise ConfigError(f"--configs: {file} has no experiment {pattern!r}; {there}")
    return [_Config(file, name) for name in chosen]


def _done(folder):
    return (folder / "dev_metrics.json").exists()


def _config_flags(config, seed):
    return [
        f"--config={config.with_data(_DATA.value)}",
        f"--config.seed={seed}",
        *(f"--config.{setting}" for setting in _SET.value),
    ]


def _check_settings(config, seed, folder):
    """Raises a ConfigError where the folder holds a run of other settings, whose scores are not those asked for."""
    if folder.exists():  # the run itself reports a config that cannot be read
        values = config_of(_config_flags(config, seed)).to_dict()
        check_run_folder(folder, FinetuneConfig.from_dict({**values, "checkpoint": _CHECKPOINT.value}))


def _finetune(config, seed, folder):
    """Runs `tfbert finetune` in a process of its own, which gives its memory back; returns its exit code.

    Raises Preempted where SIGTERM has ended it, sent to it or to this process.
    """
    command = [sys.executable, "-m", "tfbert.launch.main", "finetune", *_config_flags(config, seed)]
    command += register_flag.arguments()
    command += [f"--checkpoint={_CHECKPOINT.value}", f"--out={folder}"]
    process, asked = None, []

    def end(number, frame):
        asked.append(number)
        if process is not None:
            process.send_signal(number)  # it saves itself

    before = signal.signal(signal.SIGTERM, end)
    try:
        with subprocess.Popen(command) as process:
            if asked:  # while it was started
                process.terminate()
            try:
                code = process.wait()
            except KeyboardInterrupt:  # ^C reaches the run as well, which saves itself
                process.wait()
                raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if asked or code == PREEMPTED:
        raise Preempted
    return code


def _write_table(out, runs):
    scores = {}  # config -> seed -> score, of the runs that are done
    measured = {}
    for config, seed, folder in runs:
        if _done(folder):
            metrics = read_json_object(folder / "dev_metrics.json")
            run = read_json_object(folder / "config.json")
            names = run["score"] or [run["metric"] or next(iter(metrics))]
            measured[config.name] = " and ".join(names)
            scores.setdefault(config.name, {})[seed] = statistics.fmean(metrics[name] for name in names)
    seeds = list(dict.fromkeys(seed for _, seed, _ in runs))
    heads = ["config", "metric", *(f"seed {seed}" for seed in seeds), "mean", "standard deviation"]
    rows, means = [], []
    for name in dict.fromkeys(config.name for config, _, _ in runs):
        values = scores.get(name, {})
        if len(values) == len(seeds):
            means.append(statistics.fmean(values.values()))
        mean = f"{means[-1]:.4f}" if len(values) == len(seeds) else ""
        deviation = f"{statistics.stdev(values.values()):.4f}" if len(values) > 1 else ""
        cells = [f"{values[seed]:.4f}" if seed in values else "" for seed in seeds]
        rows.append([name, measured.get(name, ""), *cells, mean, deviation])
    if len(means) == len(rows):
        rows.append(["average", "", *("" for _ in seeds), f"{statistics.fmean(means):.4f}", ""])
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    out.mkdir(parents=True, exist_ok=True)
    with replace_file(out / "results.md") as file:
        file.write("\n".join(lines) + "\n")
    replace_json(out / "results.json", scores, ensure_ascii=True)
