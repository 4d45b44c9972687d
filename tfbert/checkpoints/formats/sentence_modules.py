"""The modules of a sentence-transformers folder, and what the JSON file of each says.

Source: sentence-transformers 2 to 6.2, {base,sentence_transformer}/modules and what they were before 5.4.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from tfbert.errors import CheckpointError
from tfbert.files import read_json_object

POOLINGS = {  # before 5.4 a key for each kind, since then one key with the value
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
CONFIG = "config_sentence_transformers.json"
_MODULES = ("Transformer", "Pooling", "Dense", "Normalize")  # in this order
# What the folder of a module must hold. Normalize's is empty, and some programs do not copy empty folders.
_NEEDED = {"Transformer": "", "Pooling": "config.json", "Dense": "config.json"}


def modules_of(folder: pathlib.Path, given: Any = ()) -> dict[str, pathlib.Path]:
    """{kind: folder} of modules.json, in order."""
    path = folder / "modules.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        kinds = [module["type"].rpartition(".")[2] for module in listed]
        places = [folder / module["path"] for module in listed]
        outside = [place for place in places if folder.resolve() not in [place.resolve(), *place.resolve().parents]]
        for place in places:
            (place / "config.json").exists()  # OSError, ValueError: a path that no file can have
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
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
    if outside:
        raise CheckpointError(f"{path} names a folder outside of its own")
    found = {kind: place for kind, place in zip(kinds, places, strict=True) if kind in _MODULES}
    for kind, name in _NEEDED.items():
        skipped = kind == "Pooling" and "pooling" in given
        if kind in found and not skipped and not os.path.exists(found[kind] / name):
            or_else = ", or give pooling=" if kind == "Pooling" else ""
            raise CheckpointError(
                f"{path} names {found[kind] / name}, which is not there: copy the folder with its subfolders{or_else}"
            )
    return found


def transformer(folder: pathlib.Path) -> dict[str, Any]:
    """What the module Transformer says besides the encoder; its file has had several names."""
    named = folder / "sentence_bert_config.json"
    paths = [named] if named.exists() else sorted(folder.glob("sentence_*_config.json"))
    return read_json_object(paths[0]) if paths else {}


def check_inputs(modules: dict[str, pathlib.Path], folder: pathlib.Path) -> None:
    """Raises CheckpointError: a module reads something else than the one before gives, or does more than tfbert."""
    wanted: dict[str, dict[str, Any]] = {
        "Transformer": {"module_output_name": "token_embeddings", "query_expansion": None, "processing_kwargs": {}},
        "Dense": {"module_input_name": "sentence_embedding", "use_residual": False},
        "Normalize": {"module_input_name": "sentence_embedding"},
    }
    for kind, keys in wanted.items():
        path = modules.get(kind, folder) / "config.json"
        held = transformer(modules[kind]) if kind in modules and kind == "Transformer" else {}
        if kind in modules and kind != "Transformer" and path.exists():
            held = read_json_object(path)
        for key, value in keys.items():
            if held.get(key) not in (None, value):
                raise CheckpointError(
                    f"{folder}: the module {kind} has {key}={held[key]!r}, which tfbert does not have"
                )


def pooling_of(path: pathlib.Path) -> str:
    """The one pooling of 1_Pooling/config.json. Raises CheckpointError: several, or one that tfbert does not have."""
    values = read_json_object(path)
    if "pooling_mode" in values:  # a word, or several, whose vectors are joined
        words = values["pooling_mode"]
        modes = words if isinstance(words, list) else [words]
    else:
        chosen = [name for name, is_chosen in values.items() if name.startswith("pooling_mode_") and is_chosen]
        modes = [POOLINGS.get(name, name) for name in chosen]
    if len(modes) != 1 or modes[0] not in POOLINGS.values():
        raise CheckpointError(
            f"{path} asks for {' and '.join(map(str, modes)) or 'no pooling_mode'}, and tfbert has one of "
            f"{', '.join(POOLINGS.values())}; give pooling= to choose"
        )
    return str(modes[0])


def prompts_of(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / CONFIG
    config = read_json_object(path) if path.exists() else {}
    prompts, default = config.get("prompts"), config.get("default_prompt_name")
    prompts = {} if prompts is None else prompts
    if not isinstance(prompts, dict) or not all(isinstance(prompt, str) for prompt in prompts.values()):
        raise CheckpointError(f"{path}: prompts must be an object of texts, not {str(prompts):.80}")
    if default is not None and not (isinstance(default, str) and default in prompts):
        raise CheckpointError(f"{path}: default_prompt_name {default!r} is none of prompts, {', '.join(prompts)}")
    found: dict[str, Any] = {"prompts": prompts} if any(prompts.values()) else {}
    return {**found, "prompt": prompts[default]} if default is not None and prompts[default] else found
