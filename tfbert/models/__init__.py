"""The classes that users meet: a Task as a `keras.Model`."""

import importlib
import pathlib

from tfbert.errors import CheckpointError
from tfbert.files import read_json_object

# task -> module and class; later tasks add a line. Imported when asked for.
_MODELS = {
    "classification": ("tfbert.models.text_classifier", "TextClassifier"),
    "token_classification": ("tfbert.models.token_classifier", "TokenClassifier"),
    "relation_extraction": ("tfbert.models.relation_extractor", "RelationExtractor"),
    "question_answering": ("tfbert.models.question_answerer", "QuestionAnswerer"),
    "summarization": ("tfbert.models.summarizer", "Summarizer"),
    "multiple_choice": ("tfbert.models.multiple_choice", "MultipleChoice"),
    "fill_mask": ("tfbert.models.pretrainer", "Pretrainer"),
    "sentence_embedding": ("tfbert.models.sentence_encoder", "SentenceEncoder"),
}


def model_class(task):
    """The user's class for a task's name.

    >>> model_class("classification").__name__
    'TextClassifier'
    """
    if task not in _MODELS:
        raise CheckpointError(f"there is no task {task!r}; the tasks are {', '.join(_MODELS)}")
    module, name = _MODELS[task]
    return getattr(importlib.import_module(module), name)


def load(path, dtype=None, task=None):
    """The model that `save` or a run wrote, of whatever task: a model folder, or a run folder.

    With a `task`, such as "fill-mask", any checkpoint that has the task's heads, or a hub id.

    >>> load("runs/mine").predict(["where is my parcel"])
    """
    if task is None:
        path = model_folder(path)
        saved = read_json_object(path / "config.json").get("tfbert")
        if not saved:
            raise CheckpointError(
                f"{path} was not saved by tfbert: its config.json names no task; fine-tune it first, or name the task "
                f"that it is for: {', '.join(_MODELS)}"
            )
        task = saved["task"]
    elif (pathlib.Path(path) / "model" / "config.json").exists():
        path = pathlib.Path(path) / "model"
    model = model_class(task.replace("-", "_")).from_checkpoint(path, dtype=dtype)
    model.load_report.check_whole(path)
    return model


def model_folder(path):
    """The model folder inside a run folder, or the folder itself."""
    path = pathlib.Path(path)
    if (path / "model" / "config.json").exists():
        return path / "model"
    if not (path / "config.json").exists():
        what = "has no finished model yet" if (path / "checkpoints").exists() else "holds no model"
        raise CheckpointError(f"{path} {what} (no config.json there or in {path / 'model'})")
    return path
