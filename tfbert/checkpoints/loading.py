"""An opened checkpoint -> the variables of a model."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras

from tfbert import memory as pages
from tfbert.checkpoints.weights import Source
from tfbert.encoders.encoder import Encoder
from tfbert.encoders.weight_table import relative_variables
from tfbert.errors import CheckpointError

_TRIMMED_EVERY = 16 << 20  # bytes read; malloc may keep as many: a few hundredths of a model


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Which variables the checkpoint had, and which it lacks: these keep their random numbers.

    `found` describes the checkpoint in one line; `notes` say what was done about labels that are not the task's.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    found: str = ""
    notes: tuple[str, ...] = ()

    def check_whole(self, path: Any) -> None:
        """Raises CheckpointError: the checkpoint at `path` lacks variables."""
        if self.missing:
            raise CheckpointError(f"{path} lacks {', '.join(self.missing)}")


def load_encoder(encoder: Encoder, source: Source) -> LoadReport:
    """Loads a built encoder from an opened checkpoint. Only the pooler may be missing."""
    return _load(relative_variables(encoder), source)


def load_head(head: keras.layers.Layer, name: str, source: Source) -> LoadReport:
    """Loads a built head layer; a head that the checkpoint lacks, or has in another size, stays random."""
    variables = {f"{name}/{path}": variable for path, variable in relative_variables(head).items()}
    source.look_for(variables)
    if any(source.shapes.get(path) != tuple(variable.shape) for path, variable in variables.items()):
        return LoadReport((), tuple(variables))
    return _load(variables, source)


def _load(variables: dict[str, Any], source: Source) -> LoadReport:
    loaded, read = [name for name in variables if name in source.shapes], 0
    for name in loaded:
        # Assigned whole: if a variable is assigned in slices, TensorFlow copies it at every read.
        value = source.value(name)
        variables[name].assign(pages.as_tensor(value))
        read += value.nbytes
        if read > _TRIMMED_EVERY:  # TensorFlow's and PyTorch's files are read through malloc
            pages.give_back()
            read = 0
    return LoadReport(tuple(loaded), tuple(name for name in variables if name not in source.shapes), str(source))
