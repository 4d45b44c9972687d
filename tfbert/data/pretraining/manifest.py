"""The manifest of a folder of pretraining examples: what it says, and whether it can be so."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfbert.errors import ConfigError, DataError
from tfbert.files import json_object
from tfbert.settings import checked

FORMAT = 1
MANIFEST = "manifest.json"
_MOST, _MOST_TOKENS = 2**63, 2**31  # the largest numbers that lengths of Python and TensorFlow's int32 stay below


@dataclasses.dataclass(frozen=True)
class Shard:
    """One file of examples: its path, and what the manifest says about it."""

    path: str
    rows: int
    tokens: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class _Manifest:
    """The types of what is read from a manifest."""

    format: int
    vocabulary_sha256: str
    vocabulary_size: int
    tokenizer: dict
    max_length: int
    objective: str
    masking: dict
    packed: bool
    shards: list


def read_manifest(path: str, source: str) -> dict[str, Any]:
    """The manifest, whose `shards` are the fields of `Shard` with the names of their files.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            text = file.read()
    except (tf.errors.NotFoundError, tf.errors.FailedPreconditionError):
        raise DataError(
            f"{source}: there is no {path}; name a folder that `tfbert make-examples` has finished (the same command "
            "again resumes where it was interrupted)"
        ) from None
    manifest = json_object(text, path, DataError, "make the examples anew")
    if not {"format", "shards", "vocabulary_sha256"} <= manifest.keys():
        raise DataError(f"{path} is no manifest of pretraining examples")
    if manifest["format"] != FORMAT:
        raise DataError(f"{path} has format {manifest['format']!r:.80}; this version of tfbert reads format {FORMAT}")
    try:
        _check(_Manifest, {name: manifest[name] for name in _Manifest.__annotations__ if name in manifest}, path)
        manifest["shards"] = [_shard(f"{path}: shard {number}", each) for number, each in enumerate(manifest["shards"])]
        _check_masking(path, manifest)
    except ConfigError as error:
        raise DataError(f"{error}; make the examples anew") from None
    return manifest


def _check(kind, values, of):
    """Raises ConfigError unless the values are those of a dataclass."""
    checked(kind, values, of)
    if missing := kind.__annotations__.keys() - values.keys():
        raise ConfigError(f"{of} lacks {', '.join(sorted(missing))}")


def _shard(of, values):
    """The fields of a Shard, with a path in the manifest's folder."""
    if not isinstance(values, dict):
        raise ConfigError(f"{of} is {type(values).__name__}, not an object")
    values = {"path" if name == "file" else name: value for name, value in values.items()}
    _check(Shard, values, of)
    if not _is_name(values["path"]):
        raise ConfigError(f"{of}: {values['path']!r:.80} is not the name of a shard")
    for name in ("rows", "tokens", "bytes"):
        if not 0 <= values[name] < _MOST:
            raise ConfigError(f"{of}: {name} is {values[name]!s:.20}")
    return values


def _check_masking(path, manifest):
    masking = manifest["masking"]
    most = masking.get("max_predictions", 1 if masking.get("kind") == "dynamic" else None)
    if not 0 < manifest["max_length"] < _MOST_TOKENS:
        raise ConfigError(f"{path}: max_length is {manifest['max_length']!s:.20}")
    if masking.get("kind") not in ("static", "dynamic") or type(most) is not int or not 0 < most < _MOST_TOKENS:
        raise ConfigError(f"{path}: masking is none that tfbert writes")


def is_record(values: Mapping[str, Any]) -> bool:
    """Whether a JSON object is the record of finished parts, of which the manifest is made."""
    parts = values.get("parts")
    return "item" in values and isinstance(parts, list) and all(map(_is_part, parts))


def _is_part(part: Any) -> bool:
    """Whether all counts are there, and the shard of a part that has rows."""
    if not isinstance(part, dict):
        return False
    counts = {name: value for name, value in part.items() if name not in ("file", "sha256")}
    if not all(type(value) is int and value >= 0 for value in counts.values()):
        return False
    wanted = {"rows", "tokens", "text_bytes", *(("bytes",) if part.get("rows") else ())}
    of_shard = not part.get("rows") or (_is_name(part.get("file")) and isinstance(part.get("sha256"), str))
    return wanted <= counts.keys() and of_shard


def _is_name(value: Any) -> bool:
    """Whether it may be the name of a shard, which is in the folder and no other."""
    return isinstance(value, str) and re.fullmatch(r"\w[\w.-]{0,200}", value, re.ASCII) is not None
