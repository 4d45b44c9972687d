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

from tfbert.checkpoints.formats import Format, sentence_transformers
from tfbert.checkpoints.tensor_files.hdf5 import HDF5File, write_hdf5
from tfbert.checkpoints.tensor_files.shards import Together
from tfbert.checkpoints.weights import Source, Weights, check_rows, rows_to_write, stored_value
from tfbert.encoders import families
from tfbert.encoders.weight_table import Row
from tfbert.errors import CheckpointError, ConfigError, VocabularyError
from tfbert.files import read_json_object, write_json

NAME = "keras_hub"  # of the format in a family's `forms`
# KerasHub's task -> the head that it has.
TASKS = {"MaskedLM": "predictions", "TextClassifier": "classifier", "TextEmbedder": None}
_MODULES = {"MaskedLM": "masked_lm", "TextClassifier": "text_classifier", "TextEmbedder": "text_embedder"}
_VOCABULARY = "assets/tokenizer/vocabulary.txt"
_JSON = {"indent": 4, "ensure_ascii": True}  # as KerasHub writes its files


class KerasHubSource(Source):
    """A preset; `values["embedding"]` has the pooling of a text embedder."""

    has_tokenizer_files = False  # its tokenizer.json is KerasHub's own

    def tokenizer(self) -> Any:
        from tfbert.text import SpecialTokens, Tokenizer, Vocabulary
        from tfbert.text.algorithms.rules import Rules

        path = self.folder / "tokenizer.json"
        config = read_json_object(path).get("config") if path.exists() else None
        if not isinstance(config, dict):
            raise VocabularyError(f"{self.folder} has no tokenizer.json with the tokenizer's config")
        if not config.get("split", True):
            raise ConfigError(
                f"{path}: split=false, which tfbert does not have: texts are split into words in the graph"
            )
        own = Rules.of_flags(
            bool(config.get("lowercase")), bool(config.get("strip_accents")), bool(config.get("split_on_cjk", True))
        )
        return Tokenizer(
            Vocabulary.from_file(self.folder / _VOCABULARY),
            rules=dataclasses.replace(own, continuation=config.get("suffix_indicator", own.continuation)),
            special_tokens=SpecialTokens(unknown=config.get("oov_token", SpecialTokens().unknown)),
        )


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
    form, given = family.forms[NAME], backbone["config"]
    table, preset = form.table, form.about
    missing = [name for name in preset.sizes if name not in given]
    if missing:
        raise ConfigError(f"{folder / 'config.json'} lacks {', '.join(missing)}")
    sizes = {ours: given[theirs] for theirs, ours in preset.sizes.items()}
    sizes["attention_probs_dropout_prob"] = sizes["hidden_dropout_prob"]
    try:
        config = family.config(**sizes, **preset.constants)
    except ConfigError as error:
        raise ConfigError(f"{folder / 'config.json'}: {error}") from None
    files, values, kind = [((*table.encoder, *table.pooler), _weights(folder))], {}, backbone["class_name"]
    if (folder / "task.json").exists():
        task = read_json_object(folder / "task.json")
        kind, settings = task.get("class_name"), task.get("config")
        name = str(kind).removeprefix(preset.class_prefix)
        if name not in TASKS or not isinstance(settings, dict):
            known = ", ".join(preset.class_prefix + name for name in TASKS)
            raise CheckpointError(f"{folder / 'task.json'} is {kind}; tfbert reads {known}")
        if name == "TextEmbedder":
            values["embedding"] = {
                "pooling": settings.get("pooling_mode", "mean"),
                "normalize": settings.get("normalize", True),
            }
        elif (folder / "task.weights.h5").exists():
            files.append((table.heads[TASKS[name]], HDF5File(folder / "task.weights.h5")))
    return KerasHubSource(f"KerasHub preset {folder} ({kind})", folder, config, values, files)


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
    table, preset = form.table, form.about
    base, head = (*table.encoder, *table.pooler), table.heads.get(TASKS.get(task), ())
    prefix, module = preset.class_prefix, preset.module
    check_rows(weights, (*base, *head), f"KerasHub's {prefix}{task or 'Backbone'}")
    sizes = {theirs: getattr(c, ours) for theirs, ours in preset.sizes.items()}
    name = f"{module}_backbone"
    backbone = _object(preset, name, f"{prefix}Backbone", {**_base(name), **sizes})
    _write_tensors(folder / "model.weights.h5", weights, base)
    write_json(folder / "config.json", backbone, **_JSON)
    metadata = {
        "keras_version": keras.version(),
        "parameter_count": sum(int(np.prod(shape)) for _, shape in rows_to_write(weights, base)),
        "tasks": list(TASKS),
    }
    write_json(folder / "metadata.json", metadata, **_JSON)
    if tokenizer is not None:
        written = _tokenizer(tokenizer, preset)
        write_json(folder / "tokenizer.json", written, **_JSON)
        (folder / _VOCABULARY).parent.mkdir(parents=True)
        text = "".join(f"{token}\n" for token in tokenizer.vocabulary)
        (folder / _VOCABULARY).write_bytes(text.encode("utf-8"))
    if task is None:
        return
    name, preprocessor = f"{module}_{_MODULES[task]}", None
    if tokenizer is not None:
        length = min(c.max_tokens, tokenizer.max_length or c.max_tokens)
        settings = {**_base(f"{name}_preprocessor"), "tokenizer": written, "config_file": "preprocessor.json"}
        settings |= {"sequence_length": length, "truncate": "round_robin"}
        if task == "MaskedLM":
            settings |= {"mask_selection_rate": 0.15, "mask_selection_length": 96}
            settings |= {"mask_token_rate": 0.8, "random_token_rate": 0.1}
        preprocessor = _object(preset, f"{name}_preprocessor", f"{prefix}{task}Preprocessor", settings)
        write_json(folder / "preprocessor.json", preprocessor, **_JSON)
    settings = {"backbone": backbone, "preprocessor": preprocessor, "name": name}
    if task == "TextClassifier":
        count = weights.shapes["classifier/bias"][0]
        dropout = c.hidden_dropout_prob if c.classifier_dropout is None else c.classifier_dropout
        settings |= {"num_classes": count, "activation": "linear", "dropout": dropout}
    if task == "TextEmbedder":
        if embedding["pooling"] not in ("mean", "cls", "max"):
            raise ConfigError(f"KerasHub's TextEmbedder has no pooling {embedding['pooling']!r}; write another format")
        settings |= {"pooling_mode": embedding["pooling"], "normalize": embedding["normalize"]}
    write_json(folder / "task.json", _object(preset, name, f"{prefix}{task}", settings), **_JSON)
    if head:
        _write_tensors(folder / "task.weights.h5", weights, head)


def _write_tensors(path: pathlib.Path, weights: Weights, table: Iterable[Row]) -> None:
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, table)}
    shapes = {name: shape for name, (_, shape) in rows.items()}
    write_hdf5(path, shapes, lambda name: stored_value(weights, *rows[name]))


def _tokenizer(tokenizer: Any, preset: Any) -> dict[str, Any]:
    settings = {
        **_base(f"{preset.module}_tokenizer", "int32"),
        "config_file": "tokenizer.json",
        "vocabulary": None,
        "sequence_length": None,
        "lowercase": tokenizer.lower_case,
        "strip_accents": bool(tokenizer.lower_case if tokenizer.strip_accents is None else tokenizer.strip_accents),
        "split": True,
        "split_on_cjk": bool(tokenizer.tokenize_chinese_chars),
        "suffix_indicator": tokenizer.algorithm.continuation,
        "oov_token": tokenizer.vocabulary.tokens[tokenizer.unknown_id],
        "special_tokens": None,
        "special_tokens_in_strings": False,
    }
    return _object(preset, f"{preset.module}_tokenizer", f"{preset.class_prefix}Tokenizer", settings)


def _base(name, dtype="float32"):
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": dtype}, "registered_name": None}
    return {"name": name, "trainable": True, "dtype": policy}


def _object(preset: Any, module: str, class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "module": f"keras_hub.src.models.{preset.module}.{module}",
        "class_name": class_name,
        "config": config,
        "registered_name": f"keras_hub>{class_name}",
    }


def _write(folder: pathlib.Path, source: Source, weights: Weights, tokenizer: Any) -> None:
    embedding, heads = sentence_transformers.settings(source), weights.heads()
    task = "TextClassifier" if "classifier" in heads else "MaskedLM" if "predictions" in heads else None
    write_weights(folder, weights, tokenizer, task or ("TextEmbedder" if embedding else None), embedding)


FORMAT = Format(
    name=NAME,
    title="KerasHub",
    files="a preset of KerasHub",
    recognises=recognises,
    open_folder=open_folder,
    write=_write,
)
