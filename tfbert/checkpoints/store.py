"""Encoders alone, without a task: what `Encoder.from_checkpoint` and `Encoder.save` do."""

from __future__ import annotations

from typing import Any

from tfbert.checkpoints import loading, opening
from tfbert.checkpoints.formats import hugging_face
from tfbert.encoders import families
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.layers.initializers import left_at_zero
from tfbert.errors import CheckpointError
from tfbert.files import replace_folder


def load_encoder(name: Any, encoder_class: type[Encoder], *, dtype: Any = None) -> Encoder:
    """The encoder of a folder or hub id; a pooler that the checkpoint lacks starts from random numbers.

    Raises:
        CheckpointError: as `open_checkpoint`, or for a checkpoint of another family than the class.
    """
    source = opening.open_checkpoint(name)
    if not issubclass(source.family.encoder, encoder_class):
        raise CheckpointError(
            f"{source.description} is of {source.family.name}, not of {encoder_class.__name__}; "
            "tfbert.Encoder.from_checkpoint takes every family"
        )
    with left_at_zero():  # all but the pooler
        encoder = families.encoder_of(source.config, dtype=dtype, name="encoder")
        encoder.build()
    report = loading.load_encoder(encoder, source)
    encoder.has_trained_pooler = not report.missing
    return encoder


def save_encoder(encoder: Encoder, folder: Any) -> None:
    """Writes config.json and model.safetensors; another model's folder there is replaced."""
    if not encoder.built:
        encoder.build()
    with replace_folder(folder, marker="config.json") as aside:
        hugging_face.write_folder(aside, encoder, pooler=encoder.has_trained_pooler)
