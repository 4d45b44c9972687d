"""Google's TF1 checkpoint: bert_config.json, vocab.txt, bert_model.ckpt.{index,data-…}."""

from __future__ import annotations

import pathlib
import re
from typing import Any

import tensorflow as tf

from tfbert.checkpoints import tokenizer_files
from tfbert.checkpoints.formats import Format
from tfbert.checkpoints.tensor_files.tensor_bundle import TensorBundle, write_tensor_bundle
from tfbert.checkpoints.weights import Source, Weights, check_rows, rows_to_write, stored_value
from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.errors import CheckpointError, ConfigError
from tfbert.files import read_json_object, write_json

NAME = "tf1"  # of the format in a family's `forms`


def open_folder(folder: Any) -> Source:
    """The `Source` of a folder with bert_config.json and bert_model.ckpt.* (or one other *.ckpt*.index)."""
    folder = pathlib.Path(folder)
    bundle = TensorBundle(checkpoint_prefix(folder))
    family = families.family_in(NAME, bundle.shapes)
    values, config = read_config(folder, family, NAME)
    return Source(f"TF1 checkpoint {bundle.prefix}", folder, config, values, [(family.forms[NAME].table, bundle)])


def checkpoint_prefix(folder: Any) -> pathlib.Path:
    """The path of the folder's checkpoint without .index.

    It is bert_model.ckpt, the one that there is, or of several the one that TensorFlow's file `checkpoint` names.
    Raises CheckpointError: none, or several.
    """
    folder = pathlib.Path(folder)
    named = folder / "bert_model.ckpt"
    if named.with_name("bert_model.ckpt.index").exists():
        return named
    found = {path.stem: path.with_suffix("") for path in sorted(folder.glob("*.index"))}
    if len(found) == 1:
        return next(iter(found.values()))
    if not found:
        raise CheckpointError(f"{folder} must hold bert_model.ckpt.index; it holds no .index file")
    names = ", ".join(found)
    if not (folder / "checkpoint").exists():
        raise CheckpointError(
            f"{folder} holds several checkpoints, {names}, and no file named checkpoint that says which; copy one of "
            "them into a folder of its own"
        )
    state = tf.train.get_checkpoint_state(str(folder))
    # It may have been written in another folder, on another system.
    newest = re.split(r"[/\\]", state.model_checkpoint_path)[-1] if state else ""
    if newest not in found:
        raise CheckpointError(f"{folder / 'checkpoint'} names {newest or 'none'}; the folder holds {names}")
    return found[newest]


def config_file(folder: Any) -> pathlib.Path | None:
    """The folder's bert_config.json, or the one file with a similar name; None if there is none."""
    found = sorted(pathlib.Path(folder).glob("*bert_config*.json"))
    named = pathlib.Path(folder) / "bert_config.json"
    return named if named in found else found[0] if len(found) == 1 else None


def read_config(folder: Any, family: families.Family, form: str) -> tuple[dict[str, Any], EncoderConfig]:
    """All of bert_config.json, and the family's configuration in it."""
    path = config_file(folder)
    if path is None:
        raise CheckpointError(f"{folder} must hold bert_config.json")
    values, activations = read_json_object(path), family.forms[form].about.activations
    act = values.get("hidden_act", "gelu")
    try:
        config = family.config.from_dict(
            {**values, "hidden_act": activations.get(act, act) if isinstance(act, str) else act}
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return values, config


def write_config(folder: Any, weights: Weights, form: str) -> None:
    """Writes bert_config.json under the names that a library has for activations."""
    about, config = weights.family.forms[form].about, weights.config
    names = {theirs: ours for ours, theirs in about.activations.items()}
    act = "gelu_new" if config.hidden_act.startswith("gelu") else config.hidden_act
    values = {name: getattr(config, name) for name in about.config_keys}
    values["hidden_act"] = names.get(act, act)
    write_json(pathlib.Path(folder) / "bert_config.json", values)


def write_weights(folder: Any, weights: Weights) -> None:
    """Writes bert_config.json and bert_model.ckpt.* of any `Weights` into an existing folder."""
    table = weights.family.forms[NAME].table
    check_rows(weights, table, "Google's BERT")
    write_config(folder, weights, NAME)
    rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, table)}
    shapes = {name: shape for name, (_, shape) in rows.items()}
    prefix = pathlib.Path(folder) / "bert_model.ckpt"
    write_tensor_bundle(prefix, shapes, lambda name: stored_value(weights, *rows[name]))


def _write(folder: pathlib.Path, source: Source, weights: Weights, tokenizer: Any) -> None:
    write_weights(folder, weights)
    tokenizer_files.write_vocabulary(folder, source, tokenizer)


FORMAT = Format(
    name=NAME,
    title="Google's BERT",
    files="bert_config.json with bert_model.ckpt.* (Google)",
    recognises=lambda folder: config_file(folder) is not None,
    open_folder=open_folder,
    write=_write,
    marker="bert_config.json",
)
