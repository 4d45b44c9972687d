"""A model that answers with the LiteRT or ONNX file of its export, in place of its own network. W rows, S sequence."""

from __future__ import annotations

import hashlib
import os
import pathlib
import queue
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import tensorflow as tf
from absl import logging

from tfbert.bulk.predict import bad_rows
from tfbert.data import columns
from tfbert.errors import ExportError
from tfbert.export import golden
from tfbert.export.engines.files import network_file
from tfbert.export.engines.networks import open_networks
from tfbert.export.engines.rows import Arrays, Network, run_unpadded

if TYPE_CHECKING:
    from tfbert.data.table import Table
    from tfbert.models.task_model import TaskModel

_FIRST = 16  # rows that are compared


class NetworkFile:
    """The network of an export's file: features {name: int32 [W, …]} to outputs; several threads may call it.

    Args:
        export: the folder that `tfbert export` wrote.
        engine: "litert" or "onnx".
        axes: of each output, as a task's `outputs` has them.
        callers: threads that call it at once; each call is computed by its own.
        precision: of the file; unless given, the first that is there of int8, float32 and float16.

    Raises:
        ExportError: a file is missing or damaged.
        ConfigError: the runtime is not installed.

    >>> NetworkFile("served/mine", "onnx", axes={"logits": "W C"}, callers=2).precision  # doctest: +SKIP
    'int8'
    """

    def __init__(
        self, export: str | os.PathLike, engine: str, axes: dict[str, str], callers: int, precision: str | None = None
    ) -> None:
        self.path, self.precision = network_file(pathlib.Path(export), engine, precision)
        with open(self.path, "rb") as file:
            self.identity = f"{engine} {hashlib.file_digest(file, 'sha256').hexdigest()}"
        self._axes = axes
        self._free: queue.LifoQueue[Network] = queue.LifoQueue()
        for network in open_networks(engine, self.path, callers):
            self._free.put(network)

    def __call__(self, features: Arrays) -> Arrays:
        network = self._free.get()
        try:
            return run_unpadded(network, features, self._axes)
        finally:
            self._free.put(network)

    def verify(self, model: TaskModel, table: Table) -> None:
        """Compares outputs and answers for a table with those of the model's own network.

        Raises:
            ExportError: they differ by more than the file's precision may.
        """
        examples = model.task.examples(table, labelled=False)
        example = {name: columns.tensor(values) for name, values in examples.items()}
        case = golden.case_of(model, example, [self.precision])
        what = f"{self.path}, {len(table)} rows of {table.source}"
        outputs = self(case.features)
        try:
            largest = golden.check_outputs(what, case, self.precision, outputs)
            named = {name: tf.constant(values) for name, values in outputs.items()}
            answers = model.task.answer(example, model.task.features(example), model.task.as_head(named))
            golden.check_answers(what, case, self.precision, {name: value.numpy() for name, value in answers.items()})
        except ExportError as error:
            raise ExportError(f"{error}; is it of another model? Export this one again") from None
        logging.info("%s: as the model's, numbers differ by %.1g of the largest", what, largest)


def verified(tables: Iterable[Table], file: NetworkFile, model: TaskModel) -> Iterator[Table]:
    """Yields the tables; before the first that has rows to answer, the file is compared with the model on some."""
    waiting = True
    for table in tables:
        if waiting:
            errors = bad_rows(model.task, table, range(len(table)))
            if rows := [i for i in range(len(table)) if i not in errors][:_FIRST]:
                file.verify(model, table.select(rows, quiet=True))
                waiting = False
        yield table
