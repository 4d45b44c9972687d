"""What a sentence-transformers folder says besides the encoder: modules.json, 1_Pooling, 2_Dense and more.

Source: sentence-transformers 2 to 6.2, {base,sentence_transformer}/modules and what they were before 5.4.
"""

from __future__ import annotations

import pathlib
from typing import Any

from tfbert.checkpoints.formats import sentence_modules
from tfbert.checkpoints.tensor_files.safetensors import SafetensorsFile, write_safetensors
from tfbert.checkpoints.tensor_files.torch import TorchFile
from tfbert.checkpoints.weights import Source, rows_to_write, stored_value
from tfbert.encoders.weight_table import TRANSPOSED, Row
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object, write_json
from tfbert.text import tokenizer_config

DENSE = (Row("dense/kernel", "linear.weight", TRANSPOSED), Row("dense/bias", "linear.bias"))
_ACTIVATIONS = {  # PyTorch's class -> a name of `ACTIVATIONS`
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.linear.Identity": "linear",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.GELU": "gelu",
    "torch.nn.modules.activation.SiLU": "silu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
}


def open_folder(folder: Any, open_encoder: Any) -> Source:
    """The `Source` of a folder with modules.json: its encoder's, with the weights of its dense layer.

    Args:
        open_encoder: opens the folder of the module Transformer.
    """
    folder = pathlib.Path(folder)
    modules = sentence_modules.modules_of(
        folder, given=("pooling",)
    )  # `settings` refuses modules that tfbert does not have
    source = open_encoder(modules.get("Transformer", folder))
    source.lower_case = bool(sentence_modules.transformer(source.folder).get("do_lower_case"))
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
    """The settings of a `SentenceEmbedding` that a source's files say; {} where it has none, or is a CrossEncoder.

    If `pooling` is among the `given` settings, the folder's own pooling is ignored.

    Raises:
        CheckpointError: the folder has modules, a pooling or inputs that tfbert does not have.
    """
    if "embedding" in source.values:
        return dict(source.values["embedding"])
    folder = source.modules or source.folder
    found: dict[str, Any] = {}
    if cross_encoder(source) is not None:
        return found
    modules = sentence_modules.modules_of(folder, given) if (folder / "modules.json").exists() else {}
    if modules:
        found["normalize"] = "Normalize" in modules
        sentence_modules.check_inputs(modules, folder)
    pooling = modules.get("Pooling", folder / "1_Pooling") / "config.json"
    if pooling.exists() and "pooling" not in given:
        found["pooling"] = sentence_modules.pooling_of(pooling)
        if not read_json_object(pooling).get("include_prompt", True):
            found["include_prompt"] = False
    if "Dense" in modules:
        found |= _dense_settings(modules["Dense"] / "config.json", source)
    if modules or pooling.exists() or sentence_modules.transformer(source.folder):
        found["max_length"] = longest(source)
    return found | sentence_modules.prompts_of(folder)


def cross_encoder(source: Any) -> str | None:
    """Of a CrossEncoder, PyTorch's class of what it does to its logits, "" where it does not say; None of others."""
    folder = source.modules or source.folder
    path, of_config = folder / sentence_modules.CONFIG, source.values.get("sentence_transformers")
    config = read_json_object(path) if path.exists() else {}
    if config.get("model_type") == "CrossEncoder":
        return str(config.get("activation_fn") or "")
    if isinstance(of_config, dict) and "activation_fn" in of_config:  # 4.0 to 5.3
        return str(of_config["activation_fn"] or "")
    before = source.values.get("sbert_ce_default_activation_function")  # up to 3
    return None if before is None else str(before)


def longest(source: Any) -> int:
    """The most tokens of a text: max_seq_length, or else what tokenizer and positions allow."""
    length = sentence_modules.transformer(source.folder).get("max_seq_length")
    if length is not None and (type(length) is not int or length < 0):
        raise CheckpointError(f"{source.folder}: max_seq_length must be a number of tokens, not {str(length):.40}")
    path = source.folder / "tokenizer_config.json"
    if not length and path.exists():
        values = read_json_object(path)
        tokenizer_config.check(values, path)
        length = tokenizer_config.max_length(values)
    return min(length or source.config.max_tokens, source.config.max_tokens)


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
    pooling = {name: pooling == found["pooling"] for name, pooling in sentence_modules.POOLINGS.items()}
    width = weights.config.hidden_size
    about = {"word_embedding_dimension": width, **pooling, "include_prompt": found.get("include_prompt", True)}
    write_json(folder / "1_Pooling/config.json", about)
    prompt, prompts = found.get("prompt", ""), dict(found.get("prompts") or {})
    if prompt or prompts:
        if prompt and prompt not in prompts.values():
            prompts["default"] = prompt
        name = next((name for name, text in prompts.items() if prompt and text == prompt), None)
        write_json(folder / sentence_modules.CONFIG, {"prompts": prompts, "default_prompt_name": name})
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


def _dense_settings(path, source):
    values = read_json_object(path)
    name = values.get("activation_function", "torch.nn.modules.activation.Tanh")
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise CheckpointError(f"{path} has the activation {name}; tfbert has {', '.join(_ACTIVATIONS)}")
    return {
        "dense_units": source.shapes["dense/kernel"][1],
        "dense_activation": _ACTIVATIONS[name],
        "dense_bias": "dense/bias" in source.shapes,
    }
