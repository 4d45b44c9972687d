"""Hugging Face's tf_model.h5: what its TensorFlow classes saved. Each family has a table of its names."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from tfbert.checkpoints.formats import Format
from tfbert.checkpoints.tensor_files.hdf5 import HDF5File
from tfbert.checkpoints.tensor_files.shards import Renamed
from tfbert.checkpoints.weights import Source
from tfbert.encoders import families
from tfbert.errors import CheckpointError
from tfbert.files import read_json_object

NAME = "hf_tf"  # of the format in a family's `forms`


def open_folder(folder: Any) -> Source:
    """The `Source` of a folder with config.json and tf_model.h5."""
    folder = pathlib.Path(folder)
    values, config = read_json_object(folder / "config.json"), families.read_config(folder / "config.json")
    family = families.family_of(config)
    if NAME not in family.forms:
        raise CheckpointError(f"{folder}: tfbert does not read tf_model.h5 of {family.name}; get model.safetensors")
    table = family.forms[NAME].table
    # layer, model and, once more, layer: NAME/tf_NAME_model/NAME/…, mlm___cls/tf_NAME_for_masked_lm/mlm___cls/…
    outer = re.compile(rf"^[^/]+/(?:tf_\w+/)?(?:(?:{re.escape(table.prefix)}|mlm___cls/|nsp___cls/))?")
    file, names = HDF5File(folder / "tf_model.h5"), {}
    for stored in file.shapes:
        names.setdefault(outer.sub("", stored.removesuffix(":0")), stored)
    description = f"Hugging Face's TensorFlow folder {folder} (tf_model.h5)"
    return Source(description, folder, config, values, [(table, Renamed(file, names))])


FORMAT = Format(
    name=NAME,
    title="Hugging Face's TensorFlow classes",
    files="config.json with tf_model.h5 (Hugging Face)",
    recognises=lambda folder: (folder / "tf_model.h5").exists(),
    open_folder=open_folder,
)
