"""One exported file at one precision, and how to ask it. B texts, W rows of the network."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfbert.models.task_model import TaskModel

FORMATS = ("saved_model", "lite", "onnx")
# of the files of a format; the SavedModel has one `dtype`
PRECISIONS = {"lite": ("float32", "float16", "int8"), "onnx": ("float32", "int8")}


@dataclasses.dataclass(frozen=True)
class Variant:
    """What a format's writer hands back, to be checked and measured.

    `signatures` take columns [B, …] and `network` features [W, …], dicts of numpy arrays; `network`, if it is not
    None, returns the outputs of the task's head by name.
    """

    format: str  # as --formats names it
    precision: str  # a key of golden.TOLERANCES
    path: pathlib.Path  # the file or folder
    signatures: dict[str, Callable]
    network: Callable | None = None
    encode: Callable | None = None  # ids -> sequence_output and pooled_output
    notes: tuple[str, ...] = ()  # what a person should know, one sentence each

    def moved(self, path: pathlib.Path) -> Variant:
        """The same, somewhere else on disk."""
        return dataclasses.replace(self, path=path)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        if self.path.is_file():
            return self.path.stat().st_size
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


def output_shapes(model: TaskModel) -> dict[str, tuple[int | None, ...]]:
    """{output of the task's head: its shape}, with None for sizes that are free.

    >>> output_shapes(model)
    {'logits': (None, 2)}
    """
    outputs = model.network(model.task.keras_inputs(model.encoder))
    return {name: tuple(value.shape) for name, value in model.task.named(outputs).items()}
