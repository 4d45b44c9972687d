"""Which models and versions to serve: TF Serving's base folders, ModelServerConfig and version policies."""

from __future__ import annotations

import dataclasses
import logging
import os
import pathlib
import stat
from collections.abc import Sequence

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tfbert.errors import ServingError
from tfbert.export.file_names import GOLDEN

_log = logging.getLogger("tfbert.serving")
_passed_over: dict[str, str] = {}  # entries that the log has named, and why
_MAX_PASSED_OVER = 10_000


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """A model to serve.

    Args:
        name: what clients ask for.
        base_path: the folder with the version folders, whose names are numbers.
        newest: how many of the highest versions to serve; None: all.
        specific: exactly these versions, in place of `newest`.
        labels: (label, version) pairs; these versions are served too.

    >>> ModelSettings("mine", pathlib.Path("served/mine"), labels=(("stable", 3),)).newest
    1
    """

    name: str
    base_path: pathlib.Path
    newest: int | None = 1
    specific: tuple[int, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()

    def wanted(self) -> dict[int, pathlib.Path]:
        """The versions to serve that have a folder: `{version: folder}`, the lowest first."""
        found = find_versions(self.base_path)
        if self.specific:
            chosen = [version for version in found if version in self.specific]
        else:
            chosen = sorted(found)[-self.newest :] if self.newest else sorted(found)
        return {version: found[version] for version in sorted({*chosen, *dict(self.labels).values()} & set(found))}


def find_versions(base_path: str | os.PathLike) -> dict[int, pathlib.Path]:
    """The version folders in `base_path`: `{version: folder}`; empty if there is no such folder.

    An export without a SavedModel is version 1 itself. An entry with a version's name that is no folder, or cannot be
    read, is named once in the log and passed over.

    >>> find_versions("no such folder")
    {}
    """
    found = {}
    try:
        with os.scandir(base_path) as entries:
            for each in entries:
                if _is_version(each.name) and _is_folder(each.path):
                    found[int(each.name)] = pathlib.Path(each.path)
        _passed_over.pop(os.fspath(base_path), None)
        if 1 not in found and os.path.exists(os.path.join(base_path, GOLDEN)):
            found[1] = pathlib.Path(base_path)  # an export of other formats alone
    except FileNotFoundError:
        return {}
    except OSError as error:
        _pass_over(os.fspath(base_path), error.strerror)
    return found


def _is_folder(path: str) -> bool:
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            _passed_over.pop(path, None)
            return True
        reason = "not a folder"
    except OSError as error:  # such as a link in a circle
        reason = error.strerror
    _pass_over(path, reason)
    return False


def _pass_over(path: str, reason: str) -> None:
    if _passed_over.get(path) != reason:
        if len(_passed_over) >= _MAX_PASSED_OVER:
            _passed_over.clear()
        _passed_over[path] = reason
        message = "%s: passed over (%s); a version is a folder whose name is a number, with a SavedModel in it"
        _log.warning(message, path, reason, extra={"event": "passed_over"})


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdigit() and int(name) < 2**63  # TF Serving reads an int64


def find_model(
    model_dir: str | os.PathLike, name: str | None = None, labels: Sequence[tuple[str, int]] = ()
) -> ModelSettings:
    """The settings for one folder: a base folder, whose newest version is served, or one version's folder.

    Raises:
        ServingError: the folder has nothing to serve, or a label names a version that it lacks.

    >>> find_model("served/mine").name
    'mine'
    """
    model_dir = pathlib.Path(model_dir)
    if not os.path.isdir(model_dir):
        raise ServingError(f"{model_dir}: no such folder; give the folder that holds the model's versions")
    here = pathlib.Path(os.path.abspath(model_dir))  # "." gets a name; links are not resolved
    if os.path.exists(here / "saved_model.pb"):
        if not _is_version(here.name):
            raise ServingError(
                f"{model_dir}: a SavedModel outside a version folder; move it to {model_dir / '1'}, "
                f"where TF Serving looks for it too"
            )
        base_path, specific = model_dir.parent if model_dir.name else here.parent, (int(here.name),)
    else:
        base_path, specific = model_dir, ()
        if not find_versions(model_dir):
            raise ServingError(
                f"{model_dir}: no version folder (a number, such as {model_dir / '1'}); export a model to one"
            )
    found = find_versions(base_path)
    for label, version in labels:
        if version not in found:
            raise ServingError(f"label {label!r}: {base_path} has no version {version}; it has {sorted(found)}")
    base_name = here.parent.name if specific else here.name
    return ModelSettings(name or base_name, base_path, specific=specific, labels=tuple(labels))


def read_model_config(file: str | os.PathLike) -> list[ModelSettings]:
    """The models in TF Serving's `models.config`, a text proto of ModelServerConfig.

    Raises:
        ServingError: the file is not one, or names what cannot be served.

    >>> config = 'model_config_list { config { name: "mine" base_path: "served/mine" } }'
    >>> _ = pathlib.Path("models.config").write_text(config)
    >>> [model.name for model in read_model_config("models.config")]
    ['mine']
    """
    message = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(pathlib.Path(file).read_text(encoding="utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise ServingError(f"{file}: not a ModelServerConfig: {error}") from error
    try:
        return parse_model_config(message)
    except ServingError as error:
        raise ServingError(f"{file}: {error}") from None


def parse_model_config(message: model_server_config_pb2.ModelServerConfig) -> list[ModelSettings]:
    """The models in a ModelServerConfig message; `ServingError` for what cannot be served.

    >>> config = {"name": "mine", "base_path": "served/mine", "version_labels": {"stable": 3}}
    >>> message = model_server_config_pb2.ModelServerConfig(model_config_list={"config": [config]})
    >>> parse_model_config(message)[0].labels
    (('stable', 3),)
    """
    if message.WhichOneof("config") != "model_config_list":
        raise ServingError("only model_config_list is supported; give one")
    settings = []
    for config in message.model_config_list.config:
        if not config.name or not config.base_path:
            missing = "base_path" if config.name else "name"
            raise ServingError(f"a config without {missing}; give it one: {config}".strip())
        if config.model_platform not in ("", "tensorflow"):
            raise ServingError(
                f"model {config.name}: platform {config.model_platform!r} is not served; give 'tensorflow'"
            )
        policy = config.model_version_policy
        choice = policy.WhichOneof("policy_choice")
        settings.append(
            ModelSettings(
                config.name,
                pathlib.Path(config.base_path),
                newest=None if choice == "all" else policy.latest.num_versions or 1,
                specific=tuple(policy.specific.versions) if choice == "specific" else (),
                labels=tuple(sorted(config.version_labels.items())),
            )
        )
    names = [each.name for each in settings]
    if len(set(names)) < len(names):
        raise ServingError(f"two models have one name: {', '.join(names)}; give each its own")
    if not settings:
        raise ServingError("model_config_list names no model; give at least one")
    return settings
