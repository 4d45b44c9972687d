"""The tasks by name: those of the package, those that a user registers, and any other by "module:Class"."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from tfbert.errors import CheckpointError, ConfigError, did_you_mean
from tfbert.tasks.task import Task

# A task of the package: one row. Imported when asked for.
TASKS = {
    "classification": "tfbert.tasks.classification.task:Classification",
    "token_classification": "tfbert.tasks.token_classification.task:TokenClassification",
    "relation_extraction": "tfbert.tasks.relation_extraction.task:RelationExtraction",
    "question_answering": "tfbert.tasks.question_answering.task:QuestionAnswering",
    "summarization": "tfbert.tasks.summarization.task:Summarization",
    "multiple_choice": "tfbert.tasks.multiple_choice.task:MultipleChoiceTask",
    "fill_mask": "tfbert.tasks.fill_mask.task:FillMask",
    "replaced_tokens": "tfbert.tasks.replaced_tokens.task:ReplacedTokens",
    "sentence_embedding": "tfbert.tasks.sentence_embedding.task:SentenceEmbedding",
}
# What others call them.
_OTHER_NAMES = {
    **dict.fromkeys(("text_classification", "sequence_classification", "sentiment_analysis", "nli"), "classification"),
    **dict.fromkeys(("multi_label", "regression"), "classification --config.settings.problem={name}"),
    **dict.fromkeys(("ner", "named_entity_recognition", "pos", "tagging", "sequence_labeling"), "token_classification"),
    **dict.fromkeys(("re", "relation", "relation_classification"), "relation_extraction"),
    **dict.fromkeys(("qa", "squad", "extractive_qa", "span_extraction"), "question_answering"),
    **dict.fromkeys(("summary", "extractive_summarization"), "summarization"),
    **dict.fromkeys(("swag", "choice"), "multiple_choice"),
    **dict.fromkeys(("mlm", "masked_lm", "masked_language_modeling"), "fill_mask"),
    **dict.fromkeys(("rtd", "replaced_token_detection"), "replaced_tokens"),
    **dict.fromkeys(("embedding", "sentence_similarity", "feature_extraction", "sts"), "sentence_embedding"),
}
_registered: dict[str, type[Task]] = {}


def register(task_class: type[Task]) -> type[Task]:
    """Makes a task known by its `name`; returns the class, so that it is usable as a decorator.

    Raises ConfigError if it is no task, or another task of the package has the name.
    """
    if not (isinstance(task_class, type) and issubclass(task_class, Task)):
        raise ConfigError(f"a task is a subclass of tfbert.tasks.task.Task, not {task_class!r}")
    name = getattr(task_class, "name", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise ConfigError(f"{task_class.__name__}.name must be a word, such as 'reranker', not {name!r}")
    if name in TASKS and path_of(task_class) != TASKS[name]:
        raise ConfigError(f"tfbert has a task {name!r} of its own; give {task_class.__name__} another name")
    _registered[name] = task_class
    return task_class


def task_class(name: str) -> type[Task]:
    """The class of a task by its name ("fill-mask" is "fill_mask" too), or of "module:Class".

    Raises ConfigError if there is none.

    >>> task_class("classification").__name__
    'Classification'
    """
    if ":" in name:
        return _imported(name)
    name = name.replace("-", "_")
    if name in _registered:
        return _registered[name]
    if name in TASKS:
        return _imported(TASKS[name])
    if name in _OTHER_NAMES:
        raise ConfigError(f"there is no task {name!r}; here it is --task={_OTHER_NAMES[name].format(name=name)}")
    known = (*TASKS, *_registered)
    raise ConfigError(
        f"there is no task {name!r}{did_you_mean(name, known) or '; the tasks are ' + ', '.join(known)}; a task of "
        "your own is --task=module:Class, or its name after tfbert.register(Class)"
    )


def path_of(task_class: type[Task]) -> str:
    """The "module:Class" of a task.

    >>> path_of(task_class("fill_mask"))
    'tfbert.tasks.fill_mask.task:FillMask'
    """
    return f"{task_class.__module__}:{task_class.__qualname__}"


def saved_as(task: Task) -> dict[str, str]:
    """What a saved model's config.json says of its task: the name, and the class of one from outside the package."""
    path = path_of(type(task))
    return {"task": task.name} if TASKS.get(task.name) == path else {"task": task.name, "class": path}


def saved_in(values: Mapping[str, Any], folder: Any) -> Mapping[str, Any]:
    """What the object of a config.json says of its task, under "tfbert"; {} where it says nothing.

    Raises CheckpointError: it is not as `saved_as` writes it.

    >>> saved_in({"tfbert": {"task": "fill_mask", "settings": {}}}, "mine")["task"]
    'fill_mask'
    """
    saved = values.get("tfbert")
    if saved is None:
        return {}
    kinds = {"task": str, "settings": Mapping, "class": str}
    if not isinstance(saved, Mapping) or not all(
        isinstance(saved[name], kind) if name in saved else name == "class" for name, kind in kinds.items()
    ):
        raise CheckpointError(
            f"{folder}: the key tfbert of its config.json must have the name of a task and an object of settings; save "
            "the model again"
        )
    return saved


def class_of_saved(saved: Mapping[str, Any]) -> type[Task]:
    """The class that `saved_as` names."""
    if "class" in saved and saved["task"] not in _registered:
        return _imported(saved["class"])
    return task_class(saved["task"])


def _imported(path: str) -> type[Task]:
    module_name, _, class_name = path.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *class_name.split("."))):
        raise ConfigError(f"the task {path!r:.80} does not exist: a class of your own is named module:Class")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the task {path!r} cannot be imported ({error}): run the command in the folder of {module_name}, or put "
            "that folder on PYTHONPATH"
        ) from error
    found: Any = module
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if not (isinstance(found, type) and issubclass(found, Task)):
        what = "has no such class" if found is None else "has it, but it is no subclass of tfbert.tasks.task.Task"
        raise ConfigError(f"the task {path!r} does not exist: {module_name} {what}")
    return found
