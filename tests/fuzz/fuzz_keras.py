"""Keras' own files of tfbert's models, which Keras reads: it may raise any error, and neither crash, hang nor run code."""

from __future__ import annotations

import pathlib

import containers
import keras
import mutations
import small
from fuzzing import Reader

from tfbert.encoders import families


def _seeds(folder: pathlib.Path) -> list[bytes]:
    encoder = families.encoder_of(families.config_from(small.CONFIG), name="encoder")
    encoder.build()
    encoder.save(folder / "seed.keras")
    return [(folder / "seed.keras").read_bytes()]


READERS = {
    # a model is made for each that is read
    "keras": Reader(
        "model.keras",
        _seeds,
        keras.models.load_model,
        containers.archive({"config.json": mutations.of_json, "metadata.json": mutations.of_json}),
        refusals=(Exception,),
        count=200,
    ),
}
