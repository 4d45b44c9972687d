"""Bulk inference as an Apache Beam transform, for more than one machine."""

import os
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler, RunInference

from tfbert import models
from tfbert.bulk.columns import Keep, text_column
from tfbert.bulk.predict import answered
from tfbert.data.readers.rows import ObjectRows
from tfbert.temporary import temporary_folder

_ROWS = 2048  # gathered in a bundle and sorted by length before they are cut into batches


class Predict(beam.PTransform):
    """Rows -> rows with answers, as `tfbert predict` writes them: dicts.

    A row is a text, or a dict of the columns that the task reads. Beam's `RunInference` answers them: it loads the
    model once in each worker process, and adds rows, batches and their time to the pipeline's metrics.

    Args:
        model: a model folder or run folder that each worker can read, local or remote, such as gs://….
        task: of a checkpoint that tfbert did not save, such as "fill-mask".
        keep: other columns to keep, such as an id; see `answered`.
        batch_size: texts computed at once; unless given 32, or more of short texts.
        report_bad_rows: whether a row that the task cannot read has {"error": why} for an answer.
        options: of `apache_beam.ml.inference.base.ModelHandler`, such as large_model=True.

    >>> with beam.Pipeline() as pipeline:  # doctest: +SKIP
    ...     texts = pipeline | beam.io.ReadFromText("gs://bucket/texts/*.txt")
    ...     answers = texts | Predict("gs://bucket/runs/mine")
    ...     answers | beam.Map(json.dumps) | beam.io.WriteToText("gs://bucket/answers/part", ".jsonl")
    """

    def __init__(
        self,
        model: str | os.PathLike,
        *,
        task: str | None = None,
        keep: Keep = (),
        batch_size: int | None = None,
        report_bad_rows: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        keep = dict(keep) if isinstance(keep, Mapping) else tuple(keep)
        settings = {"keep": keep, "batch_size": batch_size, "report_bad_rows": report_bad_rows}
        options = {"min_batch_size": _ROWS, "max_batch_size": _ROWS, **options}
        self._handler = _Handler(os.fsdecode(model), task, settings, options)

    def expand(self, rows: beam.PCollection[Any]) -> beam.PCollection[Any]:
        return rows | RunInference(self._handler) | "Answers" >> beam.Map(lambda result: result.inference)


class _Handler(ModelHandler):
    def __init__(self, model, task, settings, options):
        super().__init__(**options)
        self._model, self._task, self._settings = model, task, settings

    def load_model(self):
        if "://" not in self._model:
            model = models.load(self._model, task=self._task)
        else:
            with temporary_folder() as folder:
                _download(self._model, folder)
                model = models.load(folder, task=self._task)
        model.only_predicts()
        return model

    def run_inference(self, batch, model, inference_args=None):
        text = text_column(model.task)
        rows = ((i, {text: row} if isinstance(row, str) else row, 0) for i, row in enumerate(batch, 1))
        table = ObjectRows(rows, "the PCollection", "row of a batch").take()
        answers = answered(model, table, **self._settings)
        return [beam.ml.inference.base.PredictionResult(*pair) for pair in zip(batch, answers, strict=True)]


def _download(remote, folder):
    """Copies a model folder, or the one in a run folder."""
    remote = remote.rstrip("/")
    if tf.io.gfile.exists(os.path.join(remote, "model", "config.json")):
        remote = os.path.join(remote, "model")
    for place, _, names in tf.io.gfile.walk(remote):  # sentence-transformers keeps its modules in folders within
        here = os.path.join(folder, place.removeprefix(remote).strip("/"))
        os.makedirs(here, exist_ok=True)
        for name in names:
            tf.io.gfile.copy(os.path.join(place, name), os.path.join(here, name))
