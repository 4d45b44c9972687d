"""What a sentence-transformers folder says besides the encoder: modules.json, 1_Pooling, 2_Dense and more.

Source: sentence-transformers, SentenceTransformer.py and models/{Transformer,Pooling,Dense,Normalize}.py.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any

from tfbert.checkpoints.tensor_files.safetensors import SafetensorsFile, write_safetensors
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.checkpoints.weights import Source, rows_to_write, stored_value
from tfbert.encoders.weight_table import TRANSPOSED, Row
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object, write_json

DENSE = (Row("dense/kernel", "linear.weight", TRANSPOSED), Row("dense/bias", "linear.bias"))
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_ACTIVATIONS = {  # PyTorch's class -> a name of `ACTIVATIONS`
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.linear.Identity": "linear",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
}
_MODULES = ("Transformer", "Pooling", "Dense", "Normalize")  # in this order
# What the folder of a module must hold. Normalize's is empty, and some programs do not copy empty folders.
_NEEDED = {"Transformer": "", "Pooling": "config.json", "Dense": "config.json"}


def open_folder(folder: Any, open_encoder: Any) -> Source:
    """The `Source` of a folder with modules.json: its encoder's, with the weights of its dense layer.

    Args:
        open_encoder: opens the folder of the module Transformer.
    """
    folder = pathlib.Path(folder)
    modules = _modules(folder, given=("pooling",))  # `settings` refuses modules that tfbert does not have
    source = open_encoder(modules.get("Transformer", folder))
    source.description = f"sentence-transformers folder {folder}, {source.description}"
    source.modules = folder
    if "Dense" in modules:
        dense = modules["Dense"]
        name = "model.safetensors" if (dense / "model.safetensors").exists() else "pytorch_model.bin"
        source.add(DENSE, (SafetensorsFile if name == "model.safetensors" else TorchFile)(dense / name))
        if "dense/kernel" not in source.shapes:
            raise CheckpointError(f"{dense / name} lacks linear.weight")
    return source


def settings(source: Any, given: Any = ()) -> dict[str, Any]:
    """The settings pooling, normalize, max_length and dense_* that a source's files say; {} where it has none.

    If `pooling` is among the `given` settings, the folder's own pooling is ignored.

    Raises:
        CheckpointError: the folder has modules or a pooling that tfbert does not have.
    """
    if "embedding" in source.values:
        return dict(source.values["embedding"])
    folder = source.modules or source.folder
    found: dict[str, Any] = {}
    modules = _modules(folder, given) if (folder / "modules.json").exists() else {}
    if modules:
        found["normalize"] = "Normalize" in modules
    pooling = modules.get("Pooling", folder / "1_Pooling") / "config.json"
    if pooling.exists() and "pooling" not in given:
        modes = [
            name for name, chosen in read_json_object(pooling).items() if name.startswith("pooling_mode_") and chosen
        ]
        if len(modes) != 1 or modes[0] not in _POOLINGS:
            raise CheckpointError(
                f"{pooling} asks for {' and '.join(modes) or 'no pooling_mode'}, and tfbert has one of "
                f"{', '.join(_POOLINGS)}; give pooling= to choose"
            )
        found["pooling"] = _POOLINGS[modes[0]]
    if "Dense" in modules:
        found |= _dense_settings(modules["Dense"] / "config.json", source)
    limits = source.folder / "sentence_bert_config.json"
    if limits.exists():
        length = read_json_object(limits).get("max_seq_length")
        if length:
            found["max_length"] = min(length, source.config.max_tokens)
    return found


def write(folder: Any, found: Any, weights: Any) -> None:
    """Writes the files of sentence embeddings into an existing folder, so that sentence-transformers opens it.

    sentence-transformers has no module for `dimensions`; its users give `truncate_dim`.

    Args:
        found: `settings`, or those of a `SentenceEmbedding`.
        weights: `Weights`, with the dense layer where there is one.
    """
    folder = pathlib.Path(folder)
    has_dense = "dense/kernel" in weights.shapes
    kinds = [
        "Transformer",
        "Pooling",
        *(["Dense"] if has_dense else []),
        *(["Normalize"] if found["normalize"] else []),
    ]
    paths = ["", *(f"{i}_{kind}" for i, kind in enumerate(kinds) if i)]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kinds[i]}"}
        for i, path in enumerate(paths)
    ]
    for path in paths[1:]:
        (folder / path).mkdir()
    write_json(folder / "modules.json", modules)
    pooling = {name: pooling == found["pooling"] for name, pooling in _POOLINGS.items()}
    width = weights.config.hidden_size
    write_json(folder / "1_Pooling/config.json", {"word_embedding_dimension": width, **pooling})
    # The tokenizer lower-cases by itself; this would do it a second time.
    length = found.get("max_length", weights.config.max_tokens)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    if has_dense:
        rows = {row.tensor: (row, shape) for row, shape in rows_to_write(weights, DENSE)}
        shapes = {name: shape for name, (_, shape) in rows.items()}
        write_safetensors(folder / "2_Dense/model.safetensors", shapes, lambda name: stored_value(weights, *rows[name]))
        names = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}
        dense = {
            "in_features": weights.shapes["dense/kernel"][0],
            "out_features": weights.shapes["dense/kernel"][1],
            "bias": "dense/bias" in weights.shapes,
            "activation_function": names[found["dense_activation"]],
        }
        write_json(folder / "2_Dense/config.json", dense)


def _modules(folder, given=()):
    """{kind: folder} of modules.json, in order."""
    path = folder / "modules.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        kinds = [module["type"].rpartition(".")[2] for module in listed]
        places = [folder / module["path"] for module in listed]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is no list of modules: {error!r}") from None
    foreign = [kind for kind in kinds if kind not in _MODULES]
    if foreign and "pooling" not in given:
        raise CheckpointError(
            f"{path} names the module {foreign[0]}, which tfbert does not have; give pooling=, and "
            f"normalize=, to take the encoder without the other modules"
        )
    known = [kind for kind in kinds if kind in _MODULES]
    if known != [kind for kind in _MODULES if kind in known]:
        raise CheckpointError(
            f"{path} has {', '.join(kinds)}; tfbert has {', '.join(_MODULES)}, once each, in this order"
        )
    if any(folder.resolve() not in [place.resolve(), *place.resolve().parents] for place in places):
        raise CheckpointError(f"{path} names a folder outside of its own")
    found = {kind: place for kind, place in zip(kinds, places, strict=True) if kind in _MODULES}
    for kind, name in _NEEDED.items():
        skipped = kind == "Pooling" and "pooling" in given
        if kind in found and not skipped and not (found[kind] / name).exists():
            or_else = ", or give pooling=" if kind == "Pooling" else ""
            raise CheckpointError(
                f"{path} names {found[kind] / name}, which is not there: copy the folder with its subfolders{or_else}"
            )
    return found


def _dense_settings(path, source):
    values = read_json_object(path)
    name = values.get("activation_function", "torch.nn.modules.activation.Tanh")
    if name not in _ACTIVATIONS:
        raise CheckpointError(f"{path} has the activation {name}; tfbert has {', '.join(_ACTIVATIONS)}")
    return {
        "dense_units": source.shapes["dense/kernel"][1],
        "dense_activation": _ACTIVATIONS[name],
        "dense_bias": "dense/bias" in source.shapes,
    }
