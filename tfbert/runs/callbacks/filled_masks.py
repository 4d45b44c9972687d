"""FilledMasks: what a run's model fills into the same few masked texts, over time."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tfbert.runs.logs.history_file import append_history, keep_history
from tfbert.runs.state import RunState

if TYPE_CHECKING:
    from tfbert.data.pretraining.batches import PretrainingBatches

_ROWS = 4


class FilledMasks(keras.callbacks.Callback):
    """Writes a line of JSON at the end of each round: the step, and held-out rows as lists of pieces of text.

    A piece is a text, or [what the model fills in, what stood there].

    Args:
        dev: held-out `PretrainingBatches`.
        path: of the file.
        state: the `RunState`, which counts the steps.
    """

    def __init__(self, dev: PretrainingBatches, path: str | os.PathLike, state: RunState) -> None:
        super().__init__()
        self.dev, self.path, self.state = dev, pathlib.Path(path), state
        self._rows = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._rows is None:
            first = next(iter(self.dev.once()))
            self._rows = {name: value[:_ROWS] for name, value in first.items()}
        guesses = tf.argmax(self.model.token_logits(self._rows), -1).numpy()
        rows = {name: value.numpy() for name, value in self._rows.items()}
        line = {"step": self.state.step, "rows": [self._pieces(rows, guesses, i) for i in range(len(guesses))]}
        keep_history(self.path, self.state.step - 1)
        append_history(self.path, line)

    def _pieces(self, rows, guesses, i):
        tokenizer = self.model.task.tokenizer
        tokens = tokenizer.vocabulary.tokens
        there = np.flatnonzero(rows["masked_weights"][i] > 0)
        masked = {int(rows["masked_positions"][i][k]): k for k in there}
        pieces, text = [], []
        for place in np.flatnonzero(rows["padding_mask"][i]):
            if place not in masked:
                text.append(tokens[rows["token_ids"][i][place]])
                continue
            if text:
                pieces.append(tokenizer.joined(text))
            k, text = masked[place], []
            pieces.append([tokens[guesses[i][k]], tokens[rows["masked_ids"][i][k]]])
        return [*pieces, tokenizer.joined(text)] if text else pieces
