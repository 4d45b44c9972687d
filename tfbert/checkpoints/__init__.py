"""Checkpoints of any format <-> tfbert. Each format is a file in formats/, each family brings its own tables."""

from __future__ import annotations

import pathlib
from typing import Any

from tfbert.checkpoints import store
from tfbert.checkpoints.loading import LoadReport, load_encoder, load_head
from tfbert.checkpoints.weights import Source
from tfbert.encoders import unknown
from tfbert.encoders.families import model_types
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object

__all__ = ["LoadReport", "Source", "load_encoder", "load_head", "open_checkpoint", "store"]

_READ = (
    "config.json with model.safetensors, pytorch_model.bin or tf_model.h5 (Hugging Face), bert_config.json with "
    "bert_model.ckpt.* (Google, Model Garden), or a preset of KerasHub"
)


def open_checkpoint(name: Any) -> Source:
    """Opens a checkpoint folder of any format, or fetches a hub id first, and returns its `Source`.

    `str(source)` says what was found.

    Raises:
        CheckpointError: no such folder or id; no known format in it (says what it holds); a network that tfbert does
            not have (by its name); tensors that are missing or have another shape than the configuration says.
        ConfigError: a configuration that tfbert does not have.

    >>> open_checkpoint("path/or/hf-id").config.hidden_size
    32
    """
    folder = pathlib.Path(name)
    if not folder.exists():
        from tfbert.checkpoints.hub import fetch

        folder = fetch(str(name))
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; a checkpoint is a folder")
    if (folder / "modules.json").exists():
        from tfbert.checkpoints.formats import sentence_transformers

        return sentence_transformers.open_folder(folder, _open_folder)
    return _open_folder(folder)


def _open_folder(folder: pathlib.Path) -> Source:
    from tfbert.checkpoints.formats import google_tf1, hugging_face, hugging_face_tf, keras_hub, model_garden

    values = read_json_object(folder / "config.json") if (folder / "config.json").exists() else None
    if values is not None and keras_hub.is_preset(values):
        return keras_hub.open_folder(folder)
    unknown.refuse(folder, values, known=model_types())
    for file in hugging_face.FILES:
        if (folder / file).exists():
            return hugging_face.open_folder(folder, file)
    if (folder / "tf_model.h5").exists():
        return hugging_face_tf.open_folder(folder)
    if google_tf1.config_file(folder):
        return (model_garden if model_garden.has_graph(folder) else google_tf1).open_folder(folder)
    held = sorted(path.name for path in folder.iterdir())
    raise CheckpointError(
        f"{folder} is no checkpoint that tfbert reads ({_READ}); it holds {', '.join(held[:10]) or 'nothing'}"
    )
