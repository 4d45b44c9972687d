"""A checkpoint's labels in another order than the task's, or others. C logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tfbert.checkpoints import Source
from tfbert.tasks.token_classification.transitions import TagTransitions

if TYPE_CHECKING:
    from tfbert.tasks.task import Task

_SHOWN = 5  # names of a list in a note


def order_of(theirs: Sequence[str], ours: Sequence[str]) -> list[int] | None:
    """Returns the checkpoint's logit of each of the task's; None where they are others.

    Names that the checkpoint never got, LABEL_0 and so on, take the task's in their order.

    >>> order_of(["yes", "no"], ["no", "yes"]), order_of(["LABEL_0", "LABEL_1"], ["no", "yes"])
    ([1, 0], [0, 1])
    """
    if len(theirs) == len(ours) and all(name == f"LABEL_{i}" for i, name in enumerate(theirs)):
        return list(range(len(ours)))
    if sorted(theirs) != sorted(ours) or len(set(ours)) < len(ours):
        return None
    return [list(theirs).index(name) for name in ours]


def put_in_order(layer: keras.layers.Layer, order: Sequence[int]) -> None:
    """Moves the logits [C] of a loaded head into another order."""
    for variable in layer.weights:
        value = variable.numpy()[..., list(order)]
        variable.assign(value[list(order)] if isinstance(layer, TagTransitions) else value)


def note(theirs: Sequence[str], ours: Sequence[str], order: Sequence[int] | None) -> str:
    """Returns what is done about the labels, for the log; "" for nothing."""
    shown = [", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "") for names in (theirs, ours)]
    if order is None:
        return f"the head starts anew: the checkpoint's labels are {shown[0]}, the task's {shown[1]}"
    if list(order) != list(range(len(order))):
        return f"the head's labels, {shown[0]}, are put in the order of the task's, {shown[1]}"
    return "" if list(theirs) == list(ours) else f"the head's labels, {shown[0]}, are called {shown[1]}"


def settings_in_order(saved: dict[str, Any], given: dict[str, Any], per_label: Sequence[str]) -> dict[str, Any]:
    """Returns saved settings and given ones together; those `per_label` follow labels that are given anew.

    >>> settings_in_order({"labels": ["a", "b"], "weights": [1, 2]}, {"labels": ["b", "a"]}, ("weights",))
    {'labels': ['b', 'a'], 'weights': [2, 1]}
    """
    settings = {**saved, **given}
    if given.get("labels") is None:
        return settings
    order = order_of(saved.get("labels") or (), list(given["labels"]))
    for name in per_label:
        values = saved.get(name)
        if values and name not in given and not isinstance(values, str):
            settings[name] = [values[i] for i in order] if order else []
    return settings


def is_of_task(source: Source, task: Task | type[Task]) -> bool:
    """Whether a head named like the task's may be the task's: those of texts and of tokens have one name."""
    kinds = ("SequenceClassification", "TokenClassification")
    named = source.hugging_face_head() if source.values.get("architectures") else ""
    return not (named in kinds and task.hugging_face_head in kinds and named != task.hugging_face_head)
