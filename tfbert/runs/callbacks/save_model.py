"""SaveModel: the newest model of a run."""

from __future__ import annotations

import os
from typing import Any

import keras


class SaveModel(keras.callbacks.Callback):
    """Saves the model at the end of each round, so that it can be used while the run continues."""

    def __init__(self, path: str | os.PathLike) -> None:
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.save(self.path)
