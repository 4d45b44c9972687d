"""The folder of a run, and the settings that it is resumed with."""

from __future__ import annotations

import contextlib
import json
import pathlib
from typing import Any

from absl import logging

from tfbert.errors import ConfigError
from tfbert.files import locked_folder, read_json_object, replace_json
from tfbert.runs.configs.base import RunConfig

_CONFIG = "config.json"
_FINISHED = "finished.json"
_FREE = ("out", "allow_changed_data", "keep_checkpoints")  # settings that do not decide what a run computes


def locked_run_folder(folder: pathlib.Path) -> contextlib.AbstractContextManager[None]:
    """A context in which no other run may write to the folder. Raises DiskError where one does."""
    return locked_folder(folder, f"another program trains in {folder}; wait for it, or name another --out")


def open_run_folder(folder: pathlib.Path, config: RunConfig) -> None:
    """Writes config.json into a folder of a new or longer run. Raises ConfigError as `check_run_folder` does."""
    check_run_folder(folder, config)
    path, resolved = folder / _CONFIG, _plain(config)
    if not path.exists():
        replace_json(path, resolved, ensure_ascii=True)
        return
    before = read_json_object(path, ConfigError)
    length = _length(config)
    if length in before and before[length] != resolved[length]:
        logging.warning(
            "%s is made longer: %s was %s, now %s. From here on the learning rate is that of the longer run; an "
            "uninterrupted run of this length would have had higher rates before",
            *(folder, length, before[length], resolved[length]),
        )
        replace_json(path, {**before, length: resolved[length]}, ensure_ascii=True)


def check_run_folder(folder: pathlib.Path, config: RunConfig) -> None:
    """Checks a folder before a run is begun or resumed in it.

    Raises:
        ConfigError: it holds no run, or one with other settings than `config`. Only a finished run that has kept its
            checkpoints may be made longer.
    """
    path = folder / _CONFIG
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and holds no run; name another --out")
        return
    resolved = _plain(config)
    # A run of an earlier version lacks the settings that are newer; it ran with their defaults.
    before = {**_plain(type(config)()), **read_json_object(path, ConfigError)}
    changed = [key for key in resolved if key not in _FREE and before.get(key) != resolved[key]]
    if not changed:
        return
    listed = ", ".join(f"{key} was {before.get(key)!r:.200}, now {resolved[key]!r}" for key in changed)
    remedy = "name another --out or remove it"
    length = _length(config)
    if changed == [length] and type(before[length]) is int and resolved[length] > before[length]:
        known = _read_finished(folder, length)
        if known and (folder / "checkpoints" / "checkpoint").exists() and not known["notes"].get("stopped"):
            return
        remedy = _how_to_train_on(folder, length, resolved[length] - before[length], known)
    raise ConfigError(f"{folder} holds a run with other settings ({listed}); {remedy}")


def _how_to_train_on(folder, length, more, known):
    if known is None:
        return f"let it finish with {length} as it was, or name another --out"
    why = "it stopped early" if known["notes"].get("stopped") else "it is finished and its checkpoints are removed"
    start = "checkpoint" if length == "epochs" else "init_from"
    return (
        f"{why}. Train its model on in another run, --{start}={folder / 'model'} --config.{length}={more} and another "
        "--out; a run with --config.keep_checkpoints=True can be made longer"
    )


def write_finished(folder: pathlib.Path, config: RunConfig, state: dict[str, Any]) -> None:
    """Notes in finished.json that a run of the config's length is finished, and its state: the step and the notes."""
    length = _length(config)
    replace_json(folder / _FINISHED, {length: getattr(config, length), **state}, ensure_ascii=True)


def finished(folder: pathlib.Path, config: RunConfig) -> dict[str, Any] | None:
    """The state of a run of the config's length that is finished, or None."""
    length = _length(config)
    known = _read_finished(folder, length)
    return known if known and known[length] == getattr(config, length) else None


def last_step(folder: pathlib.Path) -> int:
    """The step that a run resumes from: of the newest checkpoint, or the last one of a finished run; else 0."""
    steps = [int(index.stem.rpartition("-")[2]) for index in (folder / "checkpoints").glob("ckpt-*.index")]
    known = _read_finished(folder)
    return max([*steps, known["step"] if known else 0])


def _read_finished(folder, *lengths):
    path = folder / _FINISHED
    if not path.exists():
        return None
    known = read_json_object(path, ConfigError)
    if any(type(known.get(name)) is not int for name in ("step", *lengths)) or type(known.get("notes")) is not dict:
        raise ConfigError(f"{path} is damaged; name another --out, or remove it to resume from the last checkpoint")
    return known


def _length(config):
    """The name of the setting that says how long a run is."""
    return "epochs" if hasattr(config, "epochs") else "steps"


def _plain(config):
    return json.loads(json.dumps(config.to_dict()))
