"""The Hugging Face folder: config.json, the tokenizer's files, model.safetensors or pytorch_model.bin. No PyTorch.

Each family says in its own table what its tensors are called.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

from tfbert.checkpoints import tokenizer_files
from tfbert.checkpoints.formats import Format, sentence_transformers
from tfbert.checkpoints.tensor_files.safetensors import SafetensorsFile, write_safetensors
from tfbert.checkpoints.tensor_files.shards import Renamed, Shards
from tfbert.checkpoints.tensor_files.tensor_file import TensorFile
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.checkpoints.weights import (
    LayerWeights,
    Source,
    Weights,
    check_rows,
    named_head,
    rows_to_write,
    stored_value,
)
from tfbert.encoders import families
from tfbert.encoders.config import EncoderConfig
from tfbert.encoders.weight_table import Row, WeightTable, default_row
from tfbert.files import read_json_object, write_json

# Weights that a folder may hold; the first that exists is read.
FILES: dict[str, Callable[[pathlib.Path], TensorFile]] = {
    "model.safetensors": SafetensorsFile,
    "model.safetensors.index.json": lambda path: Shards(path, SafetensorsFile),
    "pytorch_model.bin": TorchFile,
    "pytorch_model.bin.index.json": lambda path: Shards(path, TorchFile),
}
# Keys of config.json that say how the source was stored.
_OF_STORAGE = ("torch_dtype", "dtype", "transformers_version", "quantization_config", "embedding")
# Old files say gamma and beta, new ones weight and bias.
_OTHER_NAMES = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))


def recognises(folder: pathlib.Path) -> bool:
    """Whether a folder holds weights under one of the names in `FILES`."""
    return any((folder / name).exists() for name in FILES)


def open_folder(folder: Any) -> Source:
    """The `Source` of a folder with config.json and one of `FILES`, the first that it has."""
    folder = pathlib.Path(folder)
    name = next(name for name in FILES if (folder / name).exists())
    values, config = read_json_object(folder / "config.json"), families.read_config(folder / "config.json")
    family = families.family_of(config)
    table = family.table(config)
    file, rows = _plain_names(FILES[name](folder / name), table), table.read_with(named_head(values) or "")
    kind = "Hugging Face folder" if family.model_type == families.DEFAULT else f"{family.name} in a Hugging Face folder"
    return Source(f"{kind} {folder} ({name})", folder, config, values, [(rows, file)])


def _plain_names(file: TensorFile, table: WeightTable) -> Renamed:
    """The file under the table's names, without the encoder's prefix or one that a training loop added."""
    first = table.encoder[0].tensor
    outer = next((name.removesuffix(first) for name in file.shapes if name.endswith(first)), "")
    training = outer.removesuffix(table.prefix)  # such as DataParallel's `module.`
    names: dict[str, str] = {}
    for stored in file.shapes:
        name = stored.removeprefix(outer) if stored.startswith(outer) else stored.removeprefix(training)
        for old, new in _OTHER_NAMES:
            name = name.replace(old, new)
        names.setdefault(name, stored)
    return Renamed(file, names)


def config_values(config: EncoderConfig, head: str, values: dict[str, Any]) -> dict[str, Any]:
    """The object of config.json.

    Args:
        head: Hugging Face's name for it, such as "SequenceClassification"; "" for the bare encoder.
        values: extra keys, such as id2label.
    """
    architectures = [families.family_of(config).architecture(head)]
    return {**config.to_hugging_face(), "architectures": architectures, **values}


def write_config(folder: Any, config: EncoderConfig, head: str, values: dict[str, Any]) -> None:
    """Writes config.json; the arguments are those of `config_values`."""
    write_json(pathlib.Path(folder) / "config.json", config_values(config, head, values))


def write_folder(
    folder: Any,
    encoder: Any,
    heads: dict[str, Any] | None = None,
    *,
    head: str = "",
    values: dict[str, Any] | None = None,
    pooler: bool = True,
) -> None:
    """Writes config.json and model.safetensors of built layers into an existing folder.

    Args:
        heads: {name: built layer}; names that the family's table does not have get `default_row`'s tensors.
        head, values: as in `config_values`.
        pooler: False leaves it out, because it is random and nothing has read it.
    """
    write_weights(folder, LayerWeights(encoder, heads or {}, pooler=pooler), head=head, values=values)


def write_weights(folder: Any, weights: Weights, *, head: str = "", values: dict[str, Any] | None = None) -> None:
    """As `write_folder`, of any `Weights`. `sentence_transformers.write` writes the dense layer of embeddings.

    Raises:
        CheckpointError: a variable of the encoder that the family's table has no name for.
    """
    table, layers = weights.table, weights.config.num_hidden_layers
    base = table.base_variables(layers)
    elsewhere = {row.variable for row in sentence_transformers.DENSE}
    known = {*base, *table.names_of(table, layers), *elsewhere}
    of_tasks = [name for name in weights.shapes if name.split("/")[0] in weights.task_heads]
    own = [default_row(name) for name in of_tasks if name not in known]
    check_rows(weights, (*table, *own, *sentence_transformers.DENSE), f"Hugging Face's {weights.family.model_type}")
    write_config(folder, weights.config, head, values or {})
    shapes: dict[str, tuple[int, ...]] = {}
    parts: dict[str, list[Row]] = {}  # of each tensor, of which most have one
    for row, shape in rows_to_write(weights, (*table.with_head(head), *own)):
        name = (table.prefix if row.variable in base and not row.outside else "") + row.tensor
        shapes[name] = shape
        parts.setdefault(name, []).append(row)

    def value(name):
        first, *others = sorted(parts[name], key=lambda row: row.part)
        return stored_value(weights, first, shapes[name], *others)

    write_safetensors(pathlib.Path(folder) / "model.safetensors", shapes, value)


def write(folder: pathlib.Path, source: Source, weights: Weights, tokenizer: Any) -> None:
    """Writes an opened checkpoint: config.json with all that its own says, weights, modules and tokenizer."""
    write_weights(folder, weights, head=source.hugging_face_head(), values=_values(source))
    if settings := sentence_transformers.settings(source):
        sentence_transformers.write(folder, settings, source)
    if tokenizer is not None and set(tokenizer_files.held(source)) <= {"vocab.txt"}:
        tokenizer.save(folder)
    else:
        tokenizer_files.copy(folder, source)


def _values(source: Source) -> dict[str, Any]:
    """What config.json says besides the sizes."""
    ours = {*source.config.to_dict(), *source.config.other_names.values(), "model_type", "architectures"}
    values = {key: value for key, value in source.values.items() if key not in {*_OF_STORAGE, *ours}}
    if names := source.label_names():
        values["id2label"] = {str(i): name for i, name in enumerate(names)}
        values["label2id"] = {name: i for i, name in enumerate(names)}
    return values


FORMAT = Format(
    name="hf",
    title="Hugging Face",
    files="config.json with model.safetensors or pytorch_model.bin (Hugging Face)",
    recognises=recognises,
    open_folder=open_folder,
    write=write,
    any_family=True,
)
