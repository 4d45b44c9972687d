"""The classes that users meet: a Task as a `keras.Model`."""

from __future__ import annotations

import functools
import importlib
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfbert.errors import CheckpointError
from tfbert.files import read_json_object

if TYPE_CHECKING:
    from tfbert.checkpoints.formats import Format
    from tfbert.encoders.families import Family
    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.task import Task

# Tasks that have a model class of their own: task -> its module and name. Imported on first use.
_MODELS = {
    "classification": ("tfbert.models.text_classifier", "TextClassifier"),
    "token_classification": ("tfbert.models.token_classifier", "TokenClassifier"),
    "relation_extraction": ("tfbert.models.relation_extractor", "RelationExtractor"),
    "question_answering": ("tfbert.models.question_answerer", "QuestionAnswerer"),
    "summarization": ("tfbert.models.summarizer", "Summarizer"),
    "multiple_choice": ("tfbert.models.multiple_choice", "MultipleChoice"),
    "fill_mask": ("tfbert.models.pretrainer", "Pretrainer"),
    "replaced_tokens": ("tfbert.models.replaced_token_detector", "ReplacedTokenDetector"),
    "sentence_embedding": ("tfbert.models.sentence_encoder", "SentenceEncoder"),
}


def register(new: type[Task] | Family | Format) -> Any:
    """Makes a task, a family of encoders or a checkpoint format of your own known to every function; returns it.

    A task is then known by its `name` (for a task, `register` works as a decorator), a family by its `model_type`, a
    format by the folders that it recognises. A command imports the modules of `--register=module`, which call
    `register`. A task that is not registered is known by "module:Class", and a saved model finds it by that. A .keras
    file with a task of your own opens only after `register`, because Keras asks this of all custom classes.

    >>> register(tfbert.tasks.classification.task.Classification).name
    'classification'
    """
    from tfbert.checkpoints import formats
    from tfbert.encoders import families
    from tfbert.tasks import registry

    if isinstance(new, families.Family):
        families.register(new)
    elif isinstance(new, formats.Format):
        formats.register(new)
    else:
        registry.register(new)
        model_class(new.name)
    return new


def model_class(task: str) -> type[TaskModel]:
    """The Keras model class of a task, given by its name or, for one of your own, by "module:Class".

    >>> model_class("classification").__name__
    'TextClassifier'
    """
    name = task.replace("-", "_")
    if name in _MODELS:
        module, class_name = _MODELS[name]
        return getattr(importlib.import_module(module), class_name)
    from tfbert.tasks import registry

    return _made_for(registry.task_class(task))


@functools.cache
def _made_for(task_class: type[Task]) -> type[TaskModel]:
    """The model class made for a task that has none of its own."""
    import keras

    from tfbert.models.task_model import TaskModel
    from tfbert.tasks.registry import path_of

    made = type(f"{task_class.__name__}Model", (TaskModel,), {"task_class": task_class, "__doc__": task_class.__doc__})
    return keras.saving.register_keras_serializable("tfbert", path_of(task_class))(made)


def load(
    path: str | os.PathLike, dtype: str | None = None, task: str | None = None, *, unused_embeddings: bool = False
) -> Any:
    """The model, of any task, in a model folder that `save` wrote or in a run folder.

    With a `task`, such as "fill-mask", `path` may be any checkpoint that has the task's heads, or a hub id;
    `unused_embeddings` is as in `from_checkpoint`.

    >>> load("runs/mine").predict(["where is my parcel"])
    """
    from tfbert.tasks import registry

    if task is None:
        path = model_folder(path)
        saved = registry.saved_in(read_json_object(path / "config.json"), path)
        if not saved:
            raise CheckpointError(
                f"{path} was not saved by tfbert: its config.json names no task; fine-tune it first, or give its task: "
                f"{', '.join(_MODELS)}"
            )
        found = _class_of_saved(saved)
    else:
        if (pathlib.Path(path) / "model" / "config.json").exists():
            path = pathlib.Path(path) / "model"
        found = model_class(task)
    model = found.from_checkpoint(path, dtype=dtype, unused_embeddings=unused_embeddings)
    model.load_report.check_whole(path)
    return model


def _class_of_saved(saved: Mapping[str, Any]) -> type[TaskModel]:
    if "class" not in saved:
        return model_class(saved["task"])
    from tfbert.tasks.registry import class_of_saved

    return _made_for(class_of_saved(saved))


def model_folder(path: str | os.PathLike) -> pathlib.Path:
    """The model folder inside a run folder, or the folder itself."""
    path = pathlib.Path(path)
    if (path / "model" / "config.json").exists():
        return path / "model"
    if not (path / "config.json").exists():
        what = "has no finished model yet" if (path / "checkpoints").exists() else "holds no model"
        raise CheckpointError(f"{path} {what} (no config.json there or in {path / 'model'})")
    return path
