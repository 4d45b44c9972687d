"""KerasHub's presets: config.json, model.weights.h5, task.json, task.weights.h5, tokenizer.json, assets/tokenizer.

Source: keras_hub 0.32, src/utils/preset_utils.py. Each family says in a `Preset` what
KerasHub's classes for it are called and compute. KerasHub itself is not needed.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from tfbert.checkpoints.formats import Format, keras_hub_tokenizer, sentence_transformers
from tfbert.checkpoints.formats.keras_hub_tokenizer import JSON_STYLE, config_of, object_of
from tfbert.checkpoints.tensor_files.hdf5 import HDF5File, write_hdf5
from tfbert.checkpoints.tensor_files.shards import Together
from tfbert.checkpoints.weights import Source, Weights, check_rows, rows_to_write, stored_value
from tfbert.encoders import families
from tfbert.encoders.keras_hub import BLANK, NAME, Preset
from tfbert.encoders.weight_table import Row
from tfbert.errors import CheckpointError, ConfigError, did_you_mean
from tfbert.files import read_json_object, write_json

# KerasHub's task -> the head that it has.
TASKS = {"MaskedLM": "predictions", "TextClassifier": "classifier", "TextEmbedder": None}
_MODULES = {"MaskedLM": "masked_lm", "TextClassifier": "text_classifier", "TextEmbedder": "text_embedder"}
_OF_ANY = ("name", "trainable", "dtype")  # keys of every object's config, which change no number


class KerasHubSource(Source):
    """A preset; `values["embedding"]` has the pooling of a text embedder."""

    has_tokenizer_files = False  # its tokenizer.json is KerasHub's own

    def tokenizer(self) -> Any:
        return keras_hub_tokenizer.read(self.folder, self.family.forms[NAME].about)


def recognises(folder: pathlib.Path) -> bool:
    """Whether a folder's config.json is KerasHub's."""
    if not (folder / "config.json").exists():
        return False
    values = read_json_object(folder / "config.json")
    return isinstance(values.get("registered_name"), str) and isinstance(values.get("config"), dict)


def open_folder(folder: Any) -> KerasHubSource:
    """The `Source` of a folder that `save_to_preset` wrote."""
    folder = pathlib.Path(folder)
    backbone = read_json_object(folder / "config.json")
    family = _family(backbone.get("class_name"), folder)
    form = family.forms[NAME]
    preset = form.about
    try:
        config = family.config(**_fields(preset, backbone["config"]))
    except ConfigError as error:
        raise ConfigError(f"{folder / 'config.json'}: {error}") from None
    keras_hub_tokenizer.check_padding(folder, preset)
    table = form.table_of(config)
    files, values, kind = [((*table.encoder, *table.pooler), _weights(folder))], {}, backbone["class_name"]
    if (folder / "task.json").exists():
        task = read_json_object(folder / "task.json")
        kind, settings = task.get("class_name"), task.get("config")
        name = str(kind).removeprefix(preset.class_prefix)
        if name not in preset.tasks or not isinstance(settings, dict):
            known = ", ".join(preset.class_prefix + name for name in preset.tasks) or "the backbone alone"
            raise CheckpointError(f"{folder / 'task.json'} is {kind}; tfbert reads {known}")
        if name == "TextEmbedder":
            values["embedding"] = {
                "pooling": settings.get("pooling_mode", "mean"),
                "normalize": settings.get("normalize", True),
            }
        elif (folder / "task.weights.h5").exists():
            files.append((table.heads[TASKS[name]], HDF5File(folder / "task.weights.h5")))
        if name == "TextClassifier" and settings.get("dropout") is not None:
            config = _with(config, preset.classifier_dropout, settings["dropout"], folder / "task.json")
    return KerasHubSource(f"KerasHub preset {folder} ({kind})", folder, config, values, files)


def _fields(preset: Preset, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of the configuration. Raises ConfigError: a backbone that tfbert does not have."""
    missing = [name for name in preset.sizes if name not in given]
    if missing:
        raise ConfigError(f"the config lacks {', '.join(missing)}")
    for name, value in preset.fixed.items():
        if given.get(name, value) != value:
            raise ConfigError(f"{name} is {given[name]!r:.40}; tfbert supports {value!r} only")
    known = (*preset.sizes, *preset.fixed, *_OF_ANY)
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ConfigError(
            f"tfbert does not know what {unknown[0]} ({given[unknown[0]]!r:.40}) does to the network"
            f"{did_you_mean(unknown[0], known)}"
        )
    sizes = {ours: given[theirs] for theirs, ours in preset.sizes.items()}
    sizes["attention_probs_dropout_prob"] = sizes["hidden_dropout_prob"]
    if isinstance(positions := sizes["max_position_embeddings"], int):  # anything else is refused with its name
        sizes["max_position_embeddings"] = positions + preset.skipped_positions
    return {**sizes, **preset.constants}


def _with(config, field, value, path):
    try:
        return dataclasses.replace(config, **{field: value})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _family(backbone: Any, folder: pathlib.Path) -> families.Family:
    """The family of a backbone's class. Raises CheckpointError: tfbert has none."""
    having = [one for one in map(families.family, families.model_types()) if NAME in one.forms]
    by_name = {f"{one.forms[NAME].about.class_prefix}Backbone": one for one in having if one.forms[NAME].is_read}
    if not isinstance(backbone, str) or backbone not in by_name:
        raise CheckpointError(f"{folder} is a preset of KerasHub's {backbone}; tfbert reads {', '.join(by_name)}")
    return by_name[backbone]


def _weights(folder):
    if (folder / "model.weights.h5").exists():
        return HDF5File(folder / "model.weights.h5")
    index = folder / "model.weights.json"
    places = read_json_object(index).get("weight_map") if index.exists() else None
    if not isinstance(places, dict):
        raise CheckpointError(f"{folder} has neither model.weights.h5 nor a model.weights.json with a weight_map")
    names = {name for held in places.values() for name in (held if isinstance(held, list) else [held])}
    if not all(isinstance(name, str) and pathlib.Path(name).name == name for name in names):
        raise CheckpointError(f"{index} names files that are not beside it")
    return Together([HDF5File(folder / name) for name in sorted(names)])


def write_weights(
    folder: Any, weights: Weights, tokenizer: Any = None, task: str | None = None, embedding: dict | None = None
) -> None:
    """Writes a preset of any `Weights` into an existing folder.

    Args:
        tokenizer: a `Tokenizer`, which a preset needs to take strings.
        task: name in `TASKS`; None for the backbone alone.
        embedding: pooling and normalize of a TextEmbedder.
    """
    folder, c, form = pathlib.Path(folder), weights.config, weights.family.forms[NAME]
    table, preset = form.table_of(c), form.about
    base = (*table.encoder, *table.pooler, *table.heads.get(BLANK, ()))
    head = table.heads.get(TASKS.get(task), ())
    prefix, module = preset.class_prefix, preset.module
    check_rows(weights, (*base, *head), f"KerasHub's {prefix}{task or 'Backbone'}")
    sizes = {theirs: getattr(c, ours) for theirs, ours in preset.sizes.items()}
    sizes["max_sequence_length"] -= preset.skipped_positions
    name = f"{module}_backbone"
    backbone = object_of(preset, name, f"{prefix}Backbone", {**config_of(name), **sizes, **preset.fixed})
    _write_tensors(folder / "model.weights.h5", weights, base)
    write_json(folder / "config.json", backbone, **JSON_STYLE)
    metadata = {
        "keras_version": keras.version(),
        "parameter_count": sum(int(np.prod(shape)) for _, shape in rows_to_write(weights, base)),
        "tasks": list(preset.tasks),
    }
    write_json(folder / "metadata.json", metadata, **JSON_STYLE)
    written = keras_hub_tokenizer.write(folder, tokenizer, preset)
    if task is None:
        return
    name, preprocessor = f"{module}_{_MODULES[task]}", None
    if written is not None:
        length = min(c.max_tokens, tokenizer.max_length or c.max_tokens)
        settings = {**config_of(f"{name}_preprocessor"), "tokenizer": written, "config_file": "preprocessor.json"}
        settings |= {"sequence_length": length, "truncate": "round_robin"}
        if task == "MaskedLM":
            settings |= {"mask_selection_rate": 0.15, "mask_selection_length": 96}
            settings |= {"mask_token_rate": 0.8, "random_token_rate": 0.1}
        preprocessor = object_of(preset, f"{name}_preprocessor", f"{prefix}{task}Preprocessor", settings)
        write_json(folder / "preprocessor.json", preprocessor, **JSON_STYLE)
    settings = {"backbone": backbone, "preprocessor": preprocessor, "name": name}
    if task == "TextClassifier":
        count = weights.shapes["classifier/bias"][0]
        rate = getattr(c, preset.classifier_dropout)
        dropout = c.hidden_dropout_prob if rate is None else rate
        settings |= {"num_classes": count, "activation": "linear", "dropout": dropout}
    if task == "TextEmbedder":
        if embedding["pooling"] not in ("mean", "cls", "max"):
            raise ConfigError(f"KerasHub's TextEmbedder has no pooling {embedding['pooling']!r}; write another format")
        settings |= {"pooling_mode": embedding["pooling"], "normalize": embedding["normalize"]}
    write_json(folder / "task.json", object_of(preset, name, f"{prefix}{task}", settings), **JSON_STYLE)
    if head:
        _write_tensors(folder / "task.weights.h5", weights, head)


def _write_tensors(path: pathlib.Path, weights: Weights, table: Iterable[Row]) -> None:
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, table)}
    shapes = {name: shape for name, (_, shape) in rows.items()}
    write_hdf5(path, shapes, lambda name: stored_value(weights, *rows[name]))


def _write(folder: pathlib.Path, source: Source, weights: Weights, tokenizer: Any) -> None:
    embedding, heads = sentence_transformers.settings(source), weights.heads()
    task = "TextClassifier" if "classifier" in heads else "MaskedLM" if "predictions" in heads else None
    if task is None and embedding and "TextEmbedder" in weights.family.forms[NAME].about.tasks:
        task = "TextEmbedder"
    write_weights(folder, weights, tokenizer, task, embedding)


FORMAT = Format(
    name=NAME,
    title="KerasHub",
    files="a preset of KerasHub",
    recognises=recognises,
    open_folder=open_folder,
    write=_write,
)
