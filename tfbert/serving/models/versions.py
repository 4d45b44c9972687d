"""Which models and versions to serve: TF Serving's base folders, ModelServerConfig and version policies."""

import dataclasses
import os
import pathlib

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tfbert.errors import ServingError


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """A served model: its name, its folder of numbered versions, which of them, and what they are called.

    `newest`: that many of the highest numbers, None: all; or `specific`: these; `labels`: label -> version.
    """

    name: str
    base_path: pathlib.Path
    newest: int | None = 1
    specific: tuple[int, ...] = ()
    labels: tuple[tuple[str, int], ...] = ()

    def wanted(self):
        """The versions that should be served and are there: `{version: folder}`, the lowest first."""
        found = find_versions(self.base_path)
        if self.specific:
            chosen = [version for version in found if version in self.specific]
        else:
            chosen = sorted(found)[-self.newest :] if self.newest else sorted(found)
        return {version: found[version] for version in sorted({*chosen, *dict(self.labels).values()} & set(found))}


def find_versions(base_path):
    """The version folders below `base_path`: `{version: folder}`; empty where there is no such folder."""
    try:
        entries = list(os.scandir(base_path))
    except OSError:
        return {}
    return {int(each.name): pathlib.Path(each.path) for each in entries if _is_version(each.name) and each.is_dir()}


def _is_version(name):
    return name.isascii() and name.isdigit() and int(name) < 2**63  # TF Serving reads an int64


def find_model(model_dir, name=None, labels=()):
    """The settings of one folder: a base folder, of which the newest version is served, or one version's own.

    Raises `ServingError` where there is nothing to serve.

    >>> find_model("served/mine").name
    'mine'
    """
    model_dir = pathlib.Path(model_dir)
    if not model_dir.is_dir():
        raise ServingError(f"{model_dir}: no such folder; give the folder that holds the model's versions")
    here = pathlib.Path(os.path.abspath(model_dir))  # so that "." has a name; links keep theirs
    if (here / "saved_model.pb").exists():
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
            raise ServingError(f"label {label!r}: {base_path} has no version {version}, but {sorted(found)}")
    base_name = here.parent.name if specific else here.name
    return ModelSettings(name or base_name, base_path, specific=specific, labels=tuple(labels))


def read_model_config(file):
    """The models that a TF Serving `models.config` names (a text proto of ModelServerConfig)."""
    message = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(pathlib.Path(file).read_text(encoding="utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise ServingError(f"{file}: not a ModelServerConfig: {error}") from error
    try:
        return settings_of(message)
    except ServingError as error:
        raise ServingError(f"{file}: {error}") from None


def settings_of(message):
    """The settings in a ModelServerConfig message; raises `ServingError` for what cannot be served."""
    if message.WhichOneof("config") != "model_config_list":
        raise ServingError("only model_config_list is supported; give one")
    settings = []
    for config in message.model_config_list.config:
        if not config.name or not config.base_path:
            raise ServingError(f"a config without {'base_path' if config.name else 'name'}: {config}".strip())
        if config.model_platform not in ("", "tensorflow"):
            raise ServingError(f"model {config.name}: platform {config.model_platform!r} is not served")
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
        raise ServingError(f"two models have one name: {', '.join(names)}")
    if not settings:
        raise ServingError("model_config_list names no model")
    return settings
