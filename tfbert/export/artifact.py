"""One exported file at one precision, and how to ask it. B texts, W rows of the network."""

import dataclasses
import pathlib
from collections.abc import Callable

FORMATS = ("saved_model", "lite", "onnx")
# of the files of a format; the SavedModel has one `dtype`
PRECISIONS = {"lite": ("float32", "float16", "int8"), "onnx": ("float32", "int8")}


@dataclasses.dataclass(frozen=True)
class Variant:
    """What a format's writer hands back, to be checked and measured.

    `signatures` take columns [B, …] and `network` features [W, …], dicts of numpy arrays; where it is not None it
    returns the outputs of the task's head [W, …].
    """

    format: str  # as --formats names it
    precision: str  # a key of golden.TOLERANCES
    path: pathlib.Path  # the file or folder
    signatures: dict[str, Callable]
    network: Callable | None = None
    encode: Callable | None = None  # ids -> sequence_output and pooled_output
    notes: tuple[str, ...] = ()  # what a person should know, one sentence each

    def moved(self, path):
        """The same, somewhere else on disk."""
        return dataclasses.replace(self, path=path)

    @property
    def size(self):
        """Bytes on disk."""
        if self.path.is_file():
            return self.path.stat().st_size
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())


def output_name(task):
    """What ids-in files call the output of a task's head.

    >>> output_name(tfbert.load("runs/mine").task)
    'logits'
    """
    return "embedding" if task.name == "sentence_embedding" else "logits"


def ids_inputs(model):
    """{name: rank} of what the network of a task model reads."""
    return {name: len(value.shape) for name, value in model.network.input.items()}
