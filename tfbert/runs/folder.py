"""The folder of a run, and the settings that it is resumed with."""

from __future__ import annotations

import contextlib
import json
import pathlib

from tfbert.errors import ConfigError
from tfbert.files import locked_folder, read_json_object, replace_json
from tfbert.runs.configs.base import RunConfig

_CONFIG = "config.json"
_FREE = ("out", "allow_changed_data")  # settings that do not decide what a run computes


def locked_run_folder(folder: pathlib.Path) -> contextlib.AbstractContextManager[None]:
    """A context in which no other run may write to the folder. Raises DiskError where one does."""
    return locked_folder(folder, f"another program trains in {folder}; wait for it, or name another --out")


def open_run_folder(folder: pathlib.Path, config: RunConfig) -> None:
    """Writes config.json into a new run folder. Raises ConfigError as `check_run_folder` does."""
    check_run_folder(folder, config)
    if not (folder / _CONFIG).exists():
        replace_json(folder / _CONFIG, _plain(config), ensure_ascii=True)


def check_run_folder(folder: pathlib.Path, config: RunConfig) -> None:
    """Raises a ConfigError where a folder holds no run, or one with other settings than `config`."""
    path = folder / _CONFIG
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty and holds no run; name another --out")
        return
    resolved = _plain(config)
    # A run of an earlier version lacks the settings that are newer; it ran with their defaults.
    before = {**_plain(type(config)()), **read_json_object(path, ConfigError)}
    changed = [key for key in resolved if key not in _FREE and before.get(key) != resolved[key]]
    if changed:
        listed = ", ".join(f"{key} was {before.get(key)!r}, now {resolved[key]!r}" for key in changed)
        raise ConfigError(f"{folder} holds a run with other settings ({listed}); name another --out or remove it")


def _plain(config):
    return json.loads(json.dumps(config.to_dict()))
