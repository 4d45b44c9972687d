"""One model of each row of the tables, and one export of it: most of a test's time is TensorFlow's tracing."""

import functools

import keras
import models
import pytest
import table

import tfbert
from tfbert.data import Table
from tfbert.export.folder import export
from tfbert.tasks.task import TrainableTask


class TaskCase:
    """A row of TASKS, and what is made of it when it is first asked for."""

    def __init__(self, name, checkpoint, folder):
        self.name, self.row, self.folder = name, table.TASKS[name], folder
        self._checkpoint = checkpoint

    @property
    def table(self):
        return Table.from_columns(self.row.columns)

    @functools.cached_property
    def model(self):
        """One step from where it began, where the task is trained."""
        model = models.model_of(self.name, self._checkpoint)
        model.compile(tfbert.AdamW(1e-4), run_eagerly=True)  # one step is not worth a trace
        if isinstance(model.task, TrainableTask):
            before = [keras.ops.convert_to_numpy(value) for value in model.trainable_variables]
            self.losses = model.fit(self.table, verbose=0).history["loss"]
            self.moved = [
                (value != keras.ops.convert_to_numpy(now)).any()
                for value, now in zip(before, model.trainable_variables, strict=True)
            ]
        return model

    @functools.cached_property
    def answers(self):
        return self.model.predict(self.row.questions)

    @functools.cached_property
    def saved(self):
        self.model.save(self.folder / "saved")
        return self.folder / "saved"

    @functools.cached_property
    def exported(self):
        export(self.model, self.folder / "exported", self.row.formats, precisions=["float32"])
        return self.folder / "exported"


@pytest.fixture(scope="session")
def all_cases():
    """{row's name: `TaskCase`} of those that a test has asked for."""
    return {}


@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=[pytest.mark.slow] * row.is_variant) for name, row in table.TASKS.items()],
)
def case(request, all_cases, tiny_checkpoint, tmp_path_factory):
    if request.param not in all_cases:
        folder, checkpoint = tmp_path_factory.mktemp(request.param), tiny_checkpoint
        if (model_type := table.TASKS[request.param].model_type) != "bert":
            checkpoint = models.write_checkpoint(folder / "checkpoint", models.network_of(model_type, layers=2))
        all_cases[request.param] = TaskCase(request.param, checkpoint, folder)
    return all_cases[request.param]
